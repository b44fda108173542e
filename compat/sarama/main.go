// What a client program shows, with sarama. Usage: sarama BOOTSTRAP PREFIX [FEATURE]
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

var features = []feature{
	{"produce", produce}, {"consume", consume},
	{"gzip", roundTrip(sarama.CompressionGZIP)}, {"snappy", roundTrip(sarama.CompressionSnappy)},
	{"lz4", roundTrip(sarama.CompressionLZ4)}, {"zstd", roundTrip(sarama.CompressionZSTD)},
	{"headers", headers}, {"timestamps", timestamps}, {"large", large}, {"idempotence", idempotence},
	{"group", group}, {"rebalance", rebalance}, {"offsets", offsets}, {"topics", topics},
	{"configs", configs}, {"groups", groups}, {"transactions", transactions}, {"next-generation", nil},
}

// configOf returns a configuration for the newest protocol versions that sarama knows.
func configOf(change func(*sarama.Config)) *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	config.Consumer.MaxWaitTime = 200 * time.Millisecond
	config.Metadata.AllowAutoTopicCreation = false
	if change != nil {
		change(config)
	}
	return config
}

func addresses() []string { return []string{os.Args[1]} }

func admin() sarama.ClusterAdmin {
	a, err := sarama.NewClusterAdmin(addresses(), configOf(nil))
	must(err)
	return a
}

func topicOf(partitions int32, configs map[string]*string) string {
	a, topic := admin(), unique("topic")
	defer a.Close()
	must(a.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}, false))
	return topic
}

func numbered(topic string, count int, word string) (messages []*sarama.ProducerMessage) {
	for n := range count {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(fmt.Sprintf("%s-%d", word, n))})
	}
	return messages
}

func send(messages []*sarama.ProducerMessage, change func(*sarama.Config)) error {
	producer, err := sarama.NewSyncProducer(addresses(), configOf(change))
	must(err)
	defer producer.Close()
	return producer.SendMessages(messages)
}

func sent(messages []*sarama.ProducerMessage) (values []string) {
	for _, message := range messages {
		value, _ := message.Value.Encode()
		values = append(values, string(value))
	}
	return values
}

func read(messages []*sarama.ConsumerMessage) (values []string) {
	for _, message := range messages {
		values = append(values, string(message.Value))
	}
	return values
}

func readAll(topic string, count int, change func(*sarama.Config)) (messages []*sarama.ConsumerMessage) {
	consumer, err := sarama.NewConsumer(addresses(), configOf(change))
	must(err)
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	must(err)
	defer partition.Close()
	for len(messages) < count {
		select {
		case message := <-partition.Messages():
			messages = append(messages, message)
		case <-time.After(40 * time.Second):
			panic(fmt.Sprintf("%d of %d records", len(messages), count))
		}
	}
	return messages
}

func produce(context.Context) error {
	messages := numbered(topicOf(1, nil), 1000, "value")
	must(send(messages, nil))
	for n, message := range messages {
		same(message.Offset, n, "acknowledged offset")
	}
	return nil
}

func consume(context.Context) error {
	topic := topicOf(1, nil)
	must(send(numbered(topic, 1000, "value"), nil))
	for n, message := range readAll(topic, 1000, nil) {
		same(message.Offset, n, "offset")
		same(string(message.Value), fmt.Sprintf("value-%d", n), "value")
	}
	return nil
}

func roundTrip(codec sarama.CompressionCodec) func(context.Context) error {
	return func(context.Context) error {
		topic := topicOf(1, nil)
		messages := numbered(topic, 500, "the same words again and again")
		must(send(messages, func(config *sarama.Config) { config.Producer.Compression = codec }))
		same(read(readAll(topic, 500, nil)), sent(messages), "values")
		return nil
	}
}

func headers(context.Context) error {
	topic := topicOf(1, nil)
	given := []sarama.RecordHeader{
		{Key: []byte("trace"), Value: []byte{0, 255}}, {Key: []byte("trace"), Value: []byte("again")}, {Key: []byte("empty"), Value: []byte{}},
	}
	must(send([]*sarama.ProducerMessage{
		{Topic: topic, Key: sarama.StringEncoder("tombstone"), Headers: given},
		{Topic: topic, Key: sarama.StringEncoder(""), Value: sarama.StringEncoder("")},
	}, nil))
	messages := readAll(topic, 2, nil)
	same(string(messages[0].Key), "tombstone", "key")
	check(messages[0].Value == nil && messages[1].Key != nil && messages[1].Value != nil, "null and empty are confused")
	same(len(messages[0].Headers), len(given), "number of headers")
	for n, header := range messages[0].Headers {
		check(bytes.Equal(header.Key, given[n].Key) && bytes.Equal(header.Value, given[n].Value), "header %d changed", n)
	}
	return nil
}

func timestamps(context.Context) error {
	topic := topicOf(1, nil)
	start := time.UnixMilli(time.Now().Add(-time.Hour).UnixMilli())
	messages := numbered(topic, 10, "value")
	for n, message := range messages {
		message.Timestamp = start.Add(time.Duration(n) * time.Second)
	}
	must(send(messages, nil))
	for n, message := range readAll(topic, 10, nil) {
		same(message.Timestamp.Sub(start), time.Duration(n)*time.Second, "time")
	}
	client, err := sarama.NewClient(addresses(), configOf(nil))
	must(err)
	defer client.Close()
	found, err := client.GetOffset(topic, 0, start.UnixMilli()+4500)
	must(err)
	same(found, 5, "offset of a time")
	return nil
}

func large(context.Context) error {
	topic := topicOf(1, nil)
	wide := func(config *sarama.Config) { config.Producer.MaxMessageBytes = 4_000_000 }
	value := bytes.Repeat([]byte("x"), 1_000_000)
	must(send([]*sarama.ProducerMessage{{Topic: topic, Value: sarama.ByteEncoder(value)}}, wide))
	check(bytes.Equal(readAll(topic, 1, nil)[0].Value, value), "the large record changed")
	err := send([]*sarama.ProducerMessage{{Topic: topic, Value: sarama.ByteEncoder(bytes.Repeat([]byte("x"), 2_000_000))}}, wide)
	var refused sarama.ProducerErrors
	check(errors.As(err, &refused) && errors.Is(refused[0].Err, sarama.ErrMessageSizeTooLarge), "the larger record: %v", err)
	return nil
}

func idempotent(config *sarama.Config) {
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
}

func idempotence(context.Context) error {
	topic := topicOf(1, nil)
	messages := numbered(topic, 2000, "value")
	must(send(messages, func(config *sarama.Config) {
		idempotent(config)
		config.Producer.Flush.MaxMessages = 50
	}))
	for n, message := range messages {
		same(message.Offset, n, "acknowledged offset")
	}
	same(read(readAll(topic, 2000, nil)), sent(messages), "values")
	return nil
}

// member is a group handler that consumes in the background; what it owns and has read changes under its lock.
type member struct {
	sync.Mutex
	topic      string
	group      sarama.ConsumerGroup
	stop       context.CancelFunc
	ended      chan struct{}
	partitions []int32
	seen       []*sarama.ConsumerMessage
	commit     func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage)
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.Lock()
	defer m.Unlock()
	m.partitions = session.Claims()[m.topic]
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.Lock()
	defer m.Unlock()
	m.partitions = nil
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		m.Lock()
		m.seen = append(m.seen, message)
		m.Unlock()
		if m.commit != nil {
			m.commit(session, message)
		}
	}
	return nil
}

func memberOf(topic, group string, commit func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage)) *member {
	joined, err := sarama.NewConsumerGroup(addresses(), group, configOf(nil))
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{topic: topic, group: joined, stop: cancel, ended: make(chan struct{}), commit: commit}
	go func() {
		defer close(m.ended)
		for ctx.Err() == nil {
			if err := joined.Consume(ctx, []string{topic}, m); err != nil {
				fmt.Fprintln(os.Stderr, "consume:", err)
				return
			}
		}
	}()
	return m
}

func (m *member) close() {
	m.stop()
	<-m.ended
	must(m.group.Close())
}

func (m *member) owns() []int32 {
	m.Lock()
	defer m.Unlock()
	return slices.Clone(m.partitions)
}

func (m *member) read() []string {
	m.Lock()
	defer m.Unlock()
	return read(m.seen)
}

func spread(topic string, count int) (messages []*sarama.ProducerMessage) {
	for n := range count {
		messages = append(messages, &sarama.ProducerMessage{
			Topic: topic, Partition: int32(n % 4), Value: sarama.StringEncoder(fmt.Sprintf("%03d", n)),
		})
	}
	return messages
}

func group(context.Context) error {
	topic, name := topicOf(4, nil), unique("group")
	one, two := memberOf(topic, name, nil), memberOf(topic, name, nil)
	until(func() bool { return len(one.owns()) == 2 && len(two.owns()) == 2 }, "two partitions each")
	messages := spread(topic, 100)
	must(send(messages, nil))
	until(func() bool { return len(one.read())+len(two.read()) >= 100 }, "100 records")
	both := append(one.read(), two.read()...)
	sort.Strings(both)
	same(both, sent(messages), "what both read")
	one.close()
	two.close()
	return nil
}

func rebalance(context.Context) error {
	topic, name := topicOf(4, nil), unique("group")
	stays, leaves := memberOf(topic, name, nil), memberOf(topic, name, nil)
	until(func() bool { return len(stays.owns()) == 2 && len(leaves.owns()) == 2 }, "two partitions each")
	leaves.close()
	until(func() bool { return len(stays.owns()) == 4 }, "four partitions")
	messages := spread(topic, 4)
	must(send(messages, nil))
	until(func() bool { return len(stays.read()) >= 4 }, "one record of each partition")
	all := stays.read()
	sort.Strings(all)
	same(all, sent(messages), "what was read")
	stays.close()
	return nil
}

func committed(a sarama.ClusterAdmin, name, topic string) *sarama.OffsetFetchResponseBlock {
	answer, err := a.ListConsumerGroupOffsets(name, map[string][]int32{topic: {0}})
	must(err)
	block := answer.GetBlock(topic, 0)
	check(block != nil, "no offset in the answer")
	return block
}

func offsets(context.Context) error {
	topic, name := topicOf(1, nil), unique("resume")
	must(send(numbered(topic, 10, "value"), nil))
	first := memberOf(topic, name, func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) {
		if message.Offset == 3 {
			session.MarkMessage(message, "up to three")
			session.Commit()
		}
	})
	until(func() bool { return len(first.read()) >= 10 }, "ten records")
	first.close()
	a := admin()
	defer a.Close()
	block := committed(a, name, topic)
	same([]any{block.Offset, block.Metadata}, []any{4, "up to three"}, "committed")
	second := memberOf(topic, name, nil)
	until(func() bool { return len(second.read()) >= 6 }, "the other six")
	second.close()
	same(second.seen[0].Offset, 4, "where the next consumer begins")
	return nil
}

func topics(context.Context) error {
	retention := "60000"
	topic := topicOf(2, map[string]*string{"retention.ms": &retention})
	a := admin()
	defer a.Close()
	err := a.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1}, false)
	check(errors.Is(err, sarama.ErrTopicAlreadyExists), "a duplicate: %v", err)
	must(a.CreatePartitions(topic, 5, nil, false))
	time.Sleep(300 * time.Millisecond)
	described, err := a.DescribeTopics([]string{topic})
	must(err)
	same(len(described[0].Partitions), 5, "partitions")
	listed, err := a.ListTopics() // asks for the configs too
	must(err)
	same(*listed[topic].ConfigEntries["retention.ms"], retention, "retention.ms")
	must(a.DeleteTopic(topic))
	time.Sleep(300 * time.Millisecond)
	listed, err = a.ListTopics()
	must(err)
	_, there := listed[topic]
	check(!there, "the topic is still listed")
	err = a.DeleteTopic(topic)
	check(errors.Is(err, sarama.ErrUnknownTopicOrPartition), "deleted again: %v", err)
	return nil
}

func configs(context.Context) error {
	compact, hour := "compact", "3600000"
	topic := topicOf(1, map[string]*string{"cleanup.policy": &compact})
	a := admin()
	defer a.Close()
	describe := func(kind sarama.ConfigResourceType, name string) map[string]string {
		entries, err := a.DescribeConfig(sarama.ConfigResource{Type: kind, Name: name})
		must(err)
		configs := map[string]string{}
		for _, entry := range entries {
			configs[entry.Name] = entry.Value
		}
		return configs
	}
	before := describe(sarama.TopicResource, topic)
	same([]string{before["cleanup.policy"], before["retention.ms"]}, []string{"compact", "604800000"}, "configs")
	must(a.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &hour},
	}, false))
	time.Sleep(300 * time.Millisecond)
	after := describe(sarama.TopicResource, topic)
	same([]string{after["cleanup.policy"], after["retention.ms"]}, []string{"compact", "3600000"}, "configs")
	brokers, _, err := a.DescribeCluster()
	must(err)
	_, there := describe(sarama.BrokerResource, fmt.Sprint(brokers[0].ID()))["log.retention.ms"]
	check(there, "no log.retention.ms among the broker's configs")
	return nil
}

func groups(context.Context) error {
	topic, name := topicOf(1, nil), unique("group")
	must(send(numbered(topic, 3, "value"), nil))
	m := memberOf(topic, name, func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) {
		session.MarkMessage(message, "")
		session.Commit()
	})
	until(func() bool { return len(m.read()) >= 3 }, "three records")
	a := admin()
	defer a.Close()
	described, err := a.DescribeConsumerGroups([]string{name})
	must(err)
	found := described[0]
	same([]any{found.State, found.ProtocolType, len(found.Members)}, []any{"Stable", "consumer", 1}, "described")
	listed, err := a.ListConsumerGroups()
	must(err)
	same(listed[name], "consumer", "listed")
	m.close()
	same(committed(a, name, topic).Offset, 3, "committed")
	must(a.DeleteConsumerGroup(name))
	err = a.DeleteConsumerGroup(name)
	check(errors.Is(err, sarama.ErrGroupIDNotFound), "deleted again: %v", err)
	return nil
}

func transactions(context.Context) error {
	topic, name, id := topicOf(1, nil), unique("group"), unique("transaction")
	producerOf := func() sarama.SyncProducer {
		producer, err := sarama.NewSyncProducer(addresses(), configOf(func(config *sarama.Config) {
			idempotent(config)
			config.Producer.Transaction.ID = id
		}))
		must(err)
		return producer
	}
	producer := producerOf()
	for _, word := range []string{"kept", "dropped", "again"} {
		must(producer.BeginTxn())
		must(producer.SendMessages(numbered(topic, 2, word)))
		if word == "again" {
			must(producer.AddOffsetsToTxn(map[string][]*sarama.PartitionOffsetMetadata{topic: {{Partition: 0, Offset: 3}}}, name))
		}
		if word == "dropped" {
			must(producer.AbortTxn())
		} else {
			must(producer.CommitTxn())
		}
	}
	messages := readAll(topic, 4, func(config *sarama.Config) { config.Consumer.IsolationLevel = sarama.ReadCommitted })
	same(strings.Join(read(messages), " "), "kept-0 kept-1 again-0 again-1", "read committed")
	same(len(readAll(topic, 6, nil)), 6, "read uncommitted")
	a := admin()
	defer a.Close()
	same(committed(a, name, topic).Offset, 3, "offset committed by the transaction")
	// A second producer of the same id takes over: the first one is fenced.
	newer := producerOf()
	defer newer.Close()
	must(newer.BeginTxn())
	must(newer.SendMessages(numbered(topic, 1, "newer")))
	err := producer.BeginTxn()
	if err == nil {
		err = producer.SendMessages(numbered(topic, 1, "zombie"))
	}
	var refused sarama.ProducerErrors
	if errors.As(err, &refused) {
		err = refused[0].Err
	}
	check(errors.Is(err, sarama.ErrInvalidProducerEpoch) || errors.Is(err, sarama.ErrProducerFenced), "the zombie: %v", err)
	must(newer.CommitTxn())
	return nil
}
