// What a client program shows, with franz-go. Usage: franz_go BOOTSTRAP PREFIX [FEATURE]
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

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var features = []feature{
	{"produce", produce}, {"consume", consume},
	{"gzip", roundTrip(kgo.GzipCompression())}, {"snappy", roundTrip(kgo.SnappyCompression())},
	{"lz4", roundTrip(kgo.Lz4Compression())}, {"zstd", roundTrip(kgo.ZstdCompression())},
	{"headers", headers}, {"timestamps", timestamps}, {"large", large}, {"idempotence", idempotence},
	{"group", share(false)}, {"rebalance", rebalance}, {"offsets", offsets}, {"topics", topics},
	{"configs", configs}, {"groups", groups}, {"transactions", transactions}, {"next-generation", share(true)},
}

func clientOf(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(os.Args[1]), kgo.MetadataMinAge(100 * time.Millisecond), kgo.FetchMaxWait(200 * time.Millisecond),
	}, options...)...)
	must(err)
	return client
}

func admin() *kadm.Client { return kadm.NewClient(clientOf()) }

func topicOf(ctx context.Context, partitions int32, configs map[string]*string) string {
	a, topic := admin(), unique("topic")
	defer a.Close()
	_, err := a.CreateTopic(ctx, partitions, 1, configs, topic)
	must(err)
	return topic
}

func numbered(topic string, count int, word string) (records []*kgo.Record) {
	for n := range count {
		records = append(records, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%s-%d", word, n)})
	}
	return records
}

func send(ctx context.Context, records []*kgo.Record, options ...kgo.Opt) error {
	client := clientOf(append([]kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)...)
	defer client.Close()
	return client.ProduceSync(ctx, records...).FirstErr()
}

func values(records []*kgo.Record) (read []string) {
	for _, record := range records {
		read = append(read, string(record.Value))
	}
	return read
}

func take(ctx context.Context, client *kgo.Client, count int) (records []*kgo.Record) {
	for len(records) < count {
		fetches := client.PollRecords(ctx, count-len(records))
		must(fetches.Err())
		records = append(records, fetches.Records()...)
	}
	return records
}

func readAll(ctx context.Context, topic string, count int, options ...kgo.Opt) []*kgo.Record {
	start := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}
	client := clientOf(append([]kgo.Opt{kgo.ConsumePartitions(start)}, options...)...)
	defer client.Close()
	return take(ctx, client, count)
}

func produce(ctx context.Context) error {
	topic := topicOf(ctx, 1, nil)
	records := numbered(topic, 1000, "value")
	must(send(ctx, records))
	for n, record := range records {
		same(record.Offset, n, "acknowledged offset")
	}
	return nil
}

func consume(ctx context.Context) error {
	topic := topicOf(ctx, 1, nil)
	must(send(ctx, numbered(topic, 1000, "value")))
	for n, record := range readAll(ctx, topic, 1000) {
		same(record.Offset, n, "offset")
		same(string(record.Value), fmt.Sprintf("value-%d", n), "value")
	}
	return nil
}

func roundTrip(codec kgo.CompressionCodec) func(context.Context) error {
	return func(ctx context.Context) error {
		topic := topicOf(ctx, 1, nil)
		sent := numbered(topic, 500, "the same words again and again")
		must(send(ctx, sent, kgo.ProducerBatchCompression(codec)))
		read := readAll(ctx, topic, 500)
		same(values(read), values(sent), "values")
		check(read[0].Attrs.CompressionType() != 0, "the batch is not compressed")
		return nil
	}
}

func headers(ctx context.Context) error {
	topic := topicOf(ctx, 1, nil)
	sent := []kgo.RecordHeader{
		{Key: "trace", Value: []byte{0, 255}}, {Key: "trace", Value: []byte("again")}, {Key: "empty", Value: []byte{}}, {Key: "none"},
	}
	must(send(ctx, []*kgo.Record{
		{Topic: topic, Key: []byte("tombstone"), Headers: sent}, {Topic: topic, Key: []byte{}, Value: []byte{}},
	}))
	read := readAll(ctx, topic, 2)
	same(string(read[0].Key), "tombstone", "key")
	check(read[0].Value == nil && read[1].Key != nil && read[1].Value != nil, "null and empty are confused")
	same(read[0].Headers, sent, "headers")
	check(read[0].Headers[3].Value == nil && read[0].Headers[2].Value != nil, "a null header is confused with an empty one")
	return nil
}

func timestamps(ctx context.Context) error {
	topic := topicOf(ctx, 1, nil)
	start := time.UnixMilli(time.Now().Add(-time.Hour).UnixMilli())
	sent := numbered(topic, 10, "value")
	for n, record := range sent {
		record.Timestamp = start.Add(time.Duration(n) * time.Second)
	}
	must(send(ctx, sent))
	for n, record := range readAll(ctx, topic, 10) {
		same(record.Timestamp.Sub(start), time.Duration(n)*time.Second, "time")
	}
	a := admin()
	defer a.Close()
	listed, err := a.ListOffsetsAfterMilli(ctx, start.UnixMilli()+4500, topic)
	must(err)
	found, _ := listed.Lookup(topic, 0)
	same(found.Offset, 5, "offset of a time")
	return nil
}

func large(ctx context.Context) error {
	topic := topicOf(ctx, 1, nil)
	plain := []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(4_000_000)}
	value := bytes.Repeat([]byte("x"), 1_000_000)
	must(send(ctx, []*kgo.Record{{Topic: topic, Value: value}}, plain...))
	check(bytes.Equal(readAll(ctx, topic, 1)[0].Value, value), "the large record changed")
	err := send(ctx, []*kgo.Record{{Topic: topic, Value: bytes.Repeat([]byte("x"), 2_000_000)}}, plain...)
	check(errors.Is(err, kerr.MessageTooLarge), "the larger record: %v", err)
	return nil
}

func idempotence(ctx context.Context) error {
	topic := topicOf(ctx, 1, nil)
	sent := numbered(topic, 2000, "value") // franz-go is idempotent unless told otherwise
	must(send(ctx, sent, kgo.ProducerBatchMaxBytes(1024), kgo.ProducerLinger(0)))
	for n, record := range sent {
		same(record.Offset, n, "acknowledged offset")
	}
	same(values(readAll(ctx, topic, 2000)), values(sent), "values")
	return nil
}

// member polls in the background; partitions and seen change under its lock.
type member struct {
	sync.Mutex
	client     *kgo.Client
	partitions []int32
	seen       []string
}

func memberOf(topic, group string, more ...kgo.Opt) *member {
	m := &member{}
	m.client = clientOf(append(more, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.HeartbeatInterval(200*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) {
			m.Lock()
			defer m.Unlock()
			m.partitions = append(m.partitions, added[topic]...)
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
			m.Lock()
			defer m.Unlock()
			m.partitions = slices.DeleteFunc(m.partitions, func(p int32) bool { return slices.Contains(lost[topic], p) })
		}))...)
	go func() {
		for {
			fetches := m.client.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			m.Lock()
			m.seen = append(m.seen, values(fetches.Records())...)
			m.Unlock()
		}
	}()
	return m
}

func (m *member) owns() []int32 {
	m.Lock()
	defer m.Unlock()
	return slices.Clone(m.partitions)
}

func (m *member) read() []string {
	m.Lock()
	defer m.Unlock()
	return slices.Clone(m.seen)
}

func spread(topic string, count int) (records []*kgo.Record) {
	for n := range count {
		records = append(records, &kgo.Record{Topic: topic, Partition: int32(n % 4), Value: fmt.Appendf(nil, "%03d", n)})
	}
	return records
}

func share(nextGeneration bool) func(context.Context) error {
	return func(ctx context.Context) error {
		topic, group := topicOf(ctx, 4, nil), unique("group")
		var options []kgo.Opt
		if nextGeneration {
			options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
		}
		one, two := memberOf(topic, group, options...), memberOf(topic, group, options...)
		defer one.client.Close()
		defer two.client.Close()
		until(func() bool { return len(one.owns()) == 2 && len(two.owns()) == 2 }, "two partitions each")
		if nextGeneration {
			a := admin()
			defer a.Close()
			described, err := a.DescribeConsumerGroups(ctx, group)
			must(err)
			must(described[group].Err)
			same([]any{described[group].AssignorName, len(described[group].Members)}, []any{"range", 2}, "described")
		}
		sent := spread(topic, 100)
		must(send(ctx, sent))
		until(func() bool { return len(one.read())+len(two.read()) >= 100 }, "100 records")
		read := append(one.read(), two.read()...)
		sort.Strings(read)
		same(read, values(sent), "what both read")
		return nil
	}
}

func rebalance(ctx context.Context) error {
	topic, group := topicOf(ctx, 4, nil), unique("group")
	stays, leaves := memberOf(topic, group), memberOf(topic, group)
	defer stays.client.Close()
	until(func() bool { return len(stays.owns()) == 2 && len(leaves.owns()) == 2 }, "two partitions each")
	leaves.client.Close()
	until(func() bool { return len(stays.owns()) == 4 }, "four partitions")
	sent := spread(topic, 4)
	must(send(ctx, sent))
	until(func() bool { return len(stays.read()) >= 4 }, "one record of each partition")
	read := stays.read()
	sort.Strings(read)
	same(read, values(sent), "what was read")
	return nil
}

func offsets(ctx context.Context) error {
	topic, group := topicOf(ctx, 1, nil), unique("resume")
	must(send(ctx, numbered(topic, 10, "value")))
	options := []kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	first := clientOf(options...)
	take(ctx, first, 4)
	a := admin()
	defer a.Close()
	first.Close()
	var commit kadm.Offsets
	commit.Add(kadm.Offset{Topic: topic, Partition: 0, At: 4, LeaderEpoch: -1, Metadata: "up to three"})
	must(a.CommitAllOffsets(ctx, group, commit))
	fetched, err := a.FetchOffsets(ctx, group)
	must(err)
	found, _ := fetched.Lookup(topic, 0)
	same([]any{found.At, found.Metadata}, []any{4, "up to three"}, "committed")
	second := clientOf(options...)
	defer second.Close()
	read := take(ctx, second, 6)
	same(read[0].Offset, 4, "where the next consumer begins")
	must(second.CommitRecords(ctx, read...))
	fetched, err = a.FetchOffsets(ctx, group)
	must(err)
	found, _ = fetched.Lookup(topic, 0)
	same(found.At, 10, "committed at the end")
	return nil
}

func topics(ctx context.Context) error {
	retention := "60000"
	topic := topicOf(ctx, 2, map[string]*string{"retention.ms": &retention})
	a := admin()
	defer a.Close()
	_, err := a.CreateTopic(ctx, 2, 1, nil, topic)
	check(errors.Is(err, kerr.TopicAlreadyExists), "a duplicate: %v", err)
	grown, err := a.UpdatePartitions(ctx, 5, topic)
	must(err)
	must(grown.Error())
	time.Sleep(300 * time.Millisecond)
	listed, err := a.ListTopics(ctx, topic)
	must(err)
	same(len(listed[topic].Partitions), 5, "partitions")
	_, err = a.DeleteTopic(ctx, topic)
	must(err)
	time.Sleep(300 * time.Millisecond)
	listed, err = a.ListTopics(ctx)
	must(err)
	check(!listed.Has(topic), "the topic is still listed")
	_, err = a.DeleteTopic(ctx, topic)
	check(errors.Is(err, kerr.UnknownTopicOrPartition), "deleted again: %v", err)
	return nil
}

func configs(ctx context.Context) error {
	compact, hour := "compact", "3600000"
	topic := topicOf(ctx, 1, map[string]*string{"cleanup.policy": &compact})
	a := admin()
	defer a.Close()
	describe := func(found kadm.ResourceConfigs, err error) map[string]string {
		must(err)
		must(found[0].Err)
		configs := map[string]string{}
		for _, config := range found[0].Configs {
			configs[config.Key] = config.MaybeValue()
		}
		return configs
	}
	before := describe(a.DescribeTopicConfigs(ctx, topic))
	same([]string{before["cleanup.policy"], before["retention.ms"]}, []string{"compact", "604800000"}, "configs")
	altered, err := a.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &hour}}, topic)
	must(err)
	must(altered[0].Err)
	time.Sleep(300 * time.Millisecond)
	after := describe(a.DescribeTopicConfigs(ctx, topic))
	same([]string{after["cleanup.policy"], after["retention.ms"]}, []string{"compact", "3600000"}, "configs")
	brokers, err := a.ListBrokers(ctx)
	must(err)
	_, there := describe(a.DescribeBrokerConfigs(ctx, brokers.NodeIDs()...))["log.retention.ms"]
	check(there, "no log.retention.ms among the broker's configs")
	return nil
}

func groups(ctx context.Context) error {
	topic, group := topicOf(ctx, 1, nil), unique("group")
	must(send(ctx, numbered(topic, 3, "value")))
	m := memberOf(topic, group)
	until(func() bool { return len(m.read()) >= 3 }, "three records")
	must(m.client.CommitUncommittedOffsets(ctx))
	a := admin()
	defer a.Close()
	described, err := a.DescribeGroups(ctx, group)
	must(err)
	found := described[group]
	same([]any{found.State, found.ProtocolType, len(found.Members)}, []any{"Stable", "consumer", 1}, "described")
	listed, err := a.ListGroups(ctx)
	must(err)
	check(slices.Contains(listed.Groups(), group), "the group is not listed")
	m.client.Close()
	fetched, err := a.FetchOffsets(ctx, group)
	must(err)
	offset, _ := fetched.Lookup(topic, 0)
	same(offset.At, 3, "committed")
	_, err = a.DeleteGroup(ctx, group)
	must(err)
	_, err = a.DeleteGroup(ctx, group)
	check(errors.Is(err, kerr.GroupIDNotFound), "deleted again: %v", err)
	return nil
}

func transactions(ctx context.Context) error {
	topic, group, id := topicOf(ctx, 1, nil), unique("group"), unique("transaction")
	must(send(ctx, numbered(topic, 3, "input")))
	options := []kgo.Opt{kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner())}
	client := clientOf(options...)
	defer client.Close()
	for _, step := range []struct {
		word string
		end  kgo.TransactionEndTry
	}{{"kept", kgo.TryCommit}, {"dropped", kgo.TryAbort}} {
		must(client.BeginTransaction())
		must(client.ProduceSync(ctx, numbered(topic, 2, step.word)...).FirstErr())
		must(client.EndTransaction(ctx, step.end))
	}
	// Consume, transform, produce: the offsets go with the records.
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(os.Args[1]), kgo.TransactionalID(unique("transaction")),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	must(err)
	must(session.Begin())
	for read := 0; read < 5; {
		fetches := session.PollRecords(ctx, 5-read)
		must(fetches.Err())
		read += fetches.NumRecords()
	}
	must(session.ProduceSync(ctx, numbered(topic, 2, "again")...).FirstErr())
	committed, err := session.End(ctx, kgo.TryCommit)
	must(err)
	check(committed, "the session did not commit")
	session.Close()
	a := admin()
	defer a.Close()
	fetched, err := a.FetchOffsets(ctx, group)
	must(err)
	offset, _ := fetched.Lookup(topic, 0)
	same(offset.At, 5, "offset committed by the transaction")
	read := values(readAll(ctx, topic, 7, kgo.FetchIsolationLevel(kgo.ReadCommitted())))
	same(strings.Join(read[3:], " "), "kept-0 kept-1 again-0 again-1", "read committed")
	same(len(readAll(ctx, topic, 9)), 9, "read uncommitted")
	// A second producer of the same id takes over: the first one is fenced.
	newer := clientOf(options...)
	defer newer.Close()
	must(newer.BeginTransaction())
	must(newer.ProduceSync(ctx, numbered(topic, 1, "newer")...).FirstErr())
	must(client.BeginTransaction())
	err = client.ProduceSync(ctx, numbered(topic, 1, "zombie")...).FirstErr()
	if err == nil {
		err = client.EndTransaction(ctx, kgo.TryCommit)
	}
	check(errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.ProducerFenced), "the zombie: %v", err)
	must(newer.EndTransaction(ctx, kgo.TryCommit))
	return nil
}
