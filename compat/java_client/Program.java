// What a client program shows, with Kafka's Java client. Usage: java Program BOOTSTRAP PREFIX [FEATURE]
// Prints one JSON line for each feature of compat/features.py; everything else goes to standard error.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class Program {
    private static final long LIMIT_S = 60; // for one feature; a healthy broker needs a few seconds
    private static String bootstrap;
    private static String prefix;
    private static int names;

    public static void main(String[] arguments) {
        bootstrap = arguments[0];
        prefix = arguments[1];
        Map<String, Callable<Void>> features = new LinkedHashMap<>();
        features.put("produce", Program::produce);
        features.put("consume", Program::consume);
        for (String codec : List.of("gzip", "snappy", "lz4", "zstd")) {
            features.put(codec, () -> roundTrip(codec));
        }
        features.put("headers", Program::headers);
        features.put("timestamps", Program::timestamps);
        features.put("large", Program::large);
        features.put("idempotence", Program::idempotence);
        features.put("group", () -> share("classic"));
        features.put("rebalance", Program::rebalance);
        features.put("offsets", Program::offsets);
        features.put("topics", Program::topics);
        features.put("configs", Program::configs);
        features.put("groups", Program::groups);
        features.put("transactions", Program::transactions);
        features.put("next-generation", () -> share("consumer"));
        features.forEach((name, show) -> {
            if (arguments.length < 3 || arguments[2].equals(name)) {
                report(name, show);
            }
        });
        System.exit(0);
    }

    private static void report(String name, Callable<Void> show) {
        ExecutorService one = Executors.newSingleThreadExecutor(work -> {
            Thread thread = new Thread(work, name);
            thread.setDaemon(true);
            return thread;
        });
        long began = System.nanoTime();
        String outcome = "passed";
        String message = "";
        Future<Void> shown = one.submit(show);
        try {
            shown.get(LIMIT_S, TimeUnit.SECONDS);
        } catch (ExecutionException error) {
            outcome = "failed";
            message = String.valueOf(error.getCause());
            error.getCause().printStackTrace();
        } catch (TimeoutException | InterruptedException error) {
            outcome = "failed";
            message = "not done in " + LIMIT_S + " s";
            shown.cancel(true);
        }
        one.shutdown();
        System.out.printf(Locale.ROOT, "{\"feature\": \"%s\", \"outcome\": \"%s\", \"seconds\": %.3f, \"message\": \"%s\"}%n",
            name, outcome, (System.nanoTime() - began) / 1e9,
            message.replace("\\", "/").replace("\"", "'").replaceAll("\\s+", " "));
    }

    private static String unique(String stem) {
        names++;
        return prefix + "-" + stem + "-" + names;
    }

    private static void same(Object got, Object wanted, String what) {
        if (!Objects.equals(got, wanted)) {
            throw new AssertionError(what + ": got " + got + ", wanted " + wanted);
        }
    }

    private static void until(BooleanSupplier done, String what) {
        long began = System.nanoTime();
        while (!done.getAsBoolean()) {
            if (System.nanoTime() - began > 40_000_000_000L) {
                throw new AssertionError("never: " + what);
            }
        }
    }

    private static Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    private static String topicOf(int partitions, Map<String, String> configs) throws Exception {
        String topic = unique("topic");
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all().get();
        }
        return topic;
    }

    private static KafkaProducer<byte[], byte[]> producerOf(Map<String, Object> more) {
        Map<String, Object> settings = new LinkedHashMap<>(Map.of("bootstrap.servers", bootstrap));
        settings.putAll(more);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static KafkaConsumer<byte[], byte[]> consumerOf(String group, Map<String, Object> more) {
        Map<String, Object> settings = new LinkedHashMap<>(Map.of(
            "bootstrap.servers", bootstrap, "group.id", group, "auto.offset.reset", "earliest",
            "enable.auto.commit", "false", "fetch.max.wait.ms", "200"));
        settings.putAll(more);
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static List<String> numbered(int count, String word) {
        return IntStream.range(0, count).mapToObj(n -> word + "-" + n).collect(Collectors.toList());
    }

    private static List<Long> send(String topic, List<String> values, Map<String, Object> settings) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producerOf(settings)) {
            return send(producer, topic, values);
        }
    }

    private static List<Long> send(KafkaProducer<byte[], byte[]> producer, String topic, List<String> values) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (String value : values) {
            sent.add(producer.send(new ProducerRecord<>(topic, 0, null, bytes(value))));
        }
        List<Long> offsets = new ArrayList<>();
        for (Future<RecordMetadata> one : sent) {
            offsets.add(one.get().offset());
        }
        return offsets;
    }

    private static List<ConsumerRecord<byte[], byte[]>> take(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        until(() -> {
            consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            return records.size() >= count;
        }, count + " records");
        return records;
    }

    private static List<ConsumerRecord<byte[], byte[]>> readAll(String topic, int count, String isolation) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumerOf(unique("reader"), Map.of("isolation.level", isolation))) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            return take(consumer, count);
        }
    }

    private static List<ConsumerRecord<byte[], byte[]>> readAll(String topic, int count) {
        return readAll(topic, count, "read_uncommitted");
    }

    private static List<String> values(Collection<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(record -> new String(record.value(), StandardCharsets.UTF_8)).collect(Collectors.toList());
    }

    private static List<Long> offsetsOf(Collection<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(ConsumerRecord::offset).collect(Collectors.toList());
    }

    private static List<Long> upTo(int count) {
        return IntStream.range(0, count).mapToObj(n -> (long) n).collect(Collectors.toList());
    }

    private interface Attempt {
        void run() throws Exception;
    }

    private static void refused(Attempt attempt, Set<Class<? extends Exception>> wanted) {
        try {
            attempt.run();
        } catch (Exception error) {
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                if (wanted.contains(cause.getClass())) {
                    return;
                }
            }
            throw new AssertionError("refused with another error: " + error, error);
        }
        throw new AssertionError("not refused; wanted " + wanted);
    }

    private static Void produce() throws Exception {
        same(send(topicOf(1, Map.of()), numbered(1000, "value"), Map.of()), upTo(1000), "acknowledged offsets");
        return null;
    }

    private static Void consume() throws Exception {
        String topic = topicOf(1, Map.of());
        send(topic, numbered(1000, "value"), Map.of());
        List<ConsumerRecord<byte[], byte[]>> read = readAll(topic, 1000);
        same(values(read), numbered(1000, "value"), "values");
        same(offsetsOf(read), upTo(1000), "offsets");
        return null;
    }

    private static Void roundTrip(String codec) throws Exception {
        String topic = topicOf(1, Map.of());
        List<String> sent = numbered(500, "the same words again and again");
        send(topic, sent, Map.of("compression.type", codec));
        same(values(readAll(topic, 500)), sent, "values");
        return null;
    }

    private static Void headers() throws Exception {
        String topic = topicOf(1, Map.of());
        List<RecordHeader> headers = List.of(
            new RecordHeader("trace", new byte[] {0, -1}), new RecordHeader("trace", bytes("again")),
            new RecordHeader("empty", new byte[0]), new RecordHeader("none", (byte[]) null));
        try (KafkaProducer<byte[], byte[]> producer = producerOf(Map.of())) {
            producer.send(new ProducerRecord<>(topic, 0, bytes("tombstone"), null, new ArrayList<>(headers))).get();
            producer.send(new ProducerRecord<>(topic, 0, new byte[0], new byte[0])).get();
        }
        List<ConsumerRecord<byte[], byte[]>> read = readAll(topic, 2);
        same(new String(read.get(0).key(), StandardCharsets.UTF_8), "tombstone", "key");
        same(read.get(0).value(), null, "value");
        same(Arrays.asList(read.get(0).headers().toArray()), headers, "headers");
        same(read.get(1).key().length + read.get(1).value().length, 0, "length of an empty key and value");
        return null;
    }

    private static Void timestamps() throws Exception {
        String topic = topicOf(1, Map.of());
        long start = System.currentTimeMillis() - 3_600_000;
        try (KafkaProducer<byte[], byte[]> producer = producerOf(Map.of())) {
            for (int n = 0; n < 10; n++) {
                producer.send(new ProducerRecord<>(topic, 0, start + n * 1000, null, bytes("" + n)));
            }
        }
        List<Long> times = readAll(topic, 10).stream().map(record -> (record.timestamp() - start) / 1000).collect(Collectors.toList());
        same(times, upTo(10), "times");
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = consumerOf(unique("times"), Map.of())) {
            same(consumer.offsetsForTimes(Map.of(partition, start + 4500)).get(partition).offset(), 5L, "offset of a time");
        }
        return null;
    }

    private static Void large() throws Exception {
        String topic = topicOf(1, Map.of());
        String value = "x".repeat(1_000_000);
        Map<String, Object> wide = Map.of("max.request.size", 4_000_000);
        send(topic, List.of(value), wide);
        same(values(readAll(topic, 1)), List.of(value), "the large record");
        refused(() -> send(topic, List.of("x".repeat(2_000_000)), wide), Set.of(RecordTooLargeException.class));
        return null;
    }

    private static Void idempotence() throws Exception {
        String topic = topicOf(1, Map.of());
        Map<String, Object> small = Map.of("enable.idempotence", "true", "batch.size", 512, "linger.ms", 0);
        same(send(topic, numbered(2000, "value"), small), upTo(2000), "acknowledged offsets");
        same(values(readAll(topic, 2000)), numbered(2000, "value"), "values");
        return null;
    }

    private static Map<String, Object> memberSettings(String protocol) {
        return protocol.equals("classic")
            ? Map.of("group.protocol", "classic", "heartbeat.interval.ms", 200)
            : Map.of("group.protocol", "consumer");
    }

    private static List<String> spread(String topic, int count) {
        List<String> values = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = producerOf(Map.of())) {
            for (int n = 0; n < count; n++) {
                values.add(String.format("%03d", n));
                producer.send(new ProducerRecord<>(topic, n % 4, null, bytes(values.get(n))));
            }
        }
        return values;
    }

    private static Void share(String protocol) throws Exception {
        String topic = topicOf(4, Map.of());
        String group = unique("group");
        List<String> read = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> one = consumerOf(group, memberSettings(protocol));
             KafkaConsumer<byte[], byte[]> two = consumerOf(group, memberSettings(protocol));
             Admin admin = admin()) {
            one.subscribe(List.of(topic));
            two.subscribe(List.of(topic));
            BooleanSupplier poll = () -> {
                for (KafkaConsumer<byte[], byte[]> member : List.of(one, two)) {
                    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
                    member.poll(Duration.ofMillis(50)).forEach(records::add);
                    read.addAll(values(records));
                }
                return one.assignment().size() == 2 && two.assignment().size() == 2;
            };
            until(poll, "two partitions each");
            List<String> sent = spread(topic, 100);
            until(() -> poll.getAsBoolean() && read.size() >= 100, "100 records");
            Collections.sort(read);
            same(read, sent, "what both read");
            var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            same(described.type(), protocol.equals("classic") ? GroupType.CLASSIC : GroupType.CONSUMER, "type");
            same(described.members().size(), 2, "members");
        }
        return null;
    }

    private static Void rebalance() throws Exception {
        String topic = topicOf(4, Map.of());
        String group = unique("group");
        try (KafkaConsumer<byte[], byte[]> stays = consumerOf(group, memberSettings("classic"))) {
            stays.subscribe(List.of(topic));
            try (KafkaConsumer<byte[], byte[]> leaves = consumerOf(group, memberSettings("classic"))) {
                leaves.subscribe(List.of(topic));
                until(() -> {
                    stays.poll(Duration.ofMillis(50));
                    leaves.poll(Duration.ofMillis(50));
                    return stays.assignment().size() == 2 && leaves.assignment().size() == 2;
                }, "two partitions each");
            }
            until(() -> {
                stays.poll(Duration.ofMillis(50));
                return stays.assignment().size() == 4;
            }, "four partitions");
            List<String> sent = spread(topic, 4);
            List<String> read = values(take(stays, 4));
            Collections.sort(read);
            same(read, sent, "what was read");
        }
        return null;
    }

    private static Void offsets() throws Exception {
        String topic = topicOf(1, Map.of());
        String group = unique("resume");
        TopicPartition partition = new TopicPartition(topic, 0);
        send(topic, numbered(10, "value"), Map.of());
        try (KafkaConsumer<byte[], byte[]> first = consumerOf(group, Map.of("max.poll.records", 4))) {
            first.subscribe(List.of(topic));
            same(take(first, 4).size(), 4, "records of a poll");
            first.commitSync(Map.of(partition, new OffsetAndMetadata(4, "up to three")));
        }
        try (KafkaConsumer<byte[], byte[]> second = consumerOf(group, Map.of())) {
            OffsetAndMetadata committed = second.committed(Set.of(partition)).get(partition);
            same(committed.offset() + committed.metadata(), "4up to three", "committed");
            second.subscribe(List.of(topic));
            same(offsetsOf(take(second, 6)), List.of(4L, 5L, 6L, 7L, 8L, 9L), "where the next consumer begins");
        }
        return null;
    }

    private static Void topics() throws Exception {
        String topic = topicOf(2, Map.of("retention.ms", "60000"));
        try (Admin admin = admin()) {
            refused(() -> admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1))).all().get(), Set.of(TopicExistsException.class));
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
            Thread.sleep(300);
            same(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size(), 5, "partitions");
            admin.deleteTopics(List.of(topic)).all().get();
            Thread.sleep(300);
            same(admin.listTopics().names().get().contains(topic), false, "still listed");
            refused(() -> admin.deleteTopics(List.of(topic)).all().get(), Set.of(UnknownTopicOrPartitionException.class));
        }
        return null;
    }

    private static Void configs() throws Exception {
        String topic = topicOf(1, Map.of("cleanup.policy", "compact"));
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try (Admin admin = admin()) {
            Config before = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            same(before.get("cleanup.policy").value() + before.get("retention.ms").value(), "compact604800000", "configs");
            same(before.get("retention.ms").source(), ConfigEntry.ConfigSource.DEFAULT_CONFIG, "source");
            AlterConfigOp set = new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET);
            admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
            Thread.sleep(300);
            Config after = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            same(after.get("cleanup.policy").value() + after.get("retention.ms").value(), "compact3600000", "configs");
            String node = admin.describeCluster().nodes().get().iterator().next().idString();
            ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, node);
            Config brokers = admin.describeConfigs(List.of(broker)).all().get().get(broker);
            same(brokers.get("log.retention.ms") == null, false, "no log.retention.ms");
        }
        return null;
    }

    private static Void groups() throws Exception {
        String topic = topicOf(1, Map.of());
        String group = unique("group");
        send(topic, numbered(3, "value"), Map.of());
        try (Admin admin = admin()) {
            try (KafkaConsumer<byte[], byte[]> consumer = consumerOf(group, Map.of())) {
                consumer.subscribe(List.of(topic));
                take(consumer, 3);
                consumer.commitSync();
                var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
                same(described.groupState(), GroupState.STABLE, "state");
                same(described.members().size(), 1, "members");
                same(admin.listGroups().all().get().stream().anyMatch(listed -> listed.groupId().equals(group)), true, "listed");
            }
            TopicPartition partition = new TopicPartition(topic, 0);
            same(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition).offset(), 3L, "committed");
            admin.deleteConsumerGroups(List.of(group)).all().get();
            refused(() -> admin.deleteConsumerGroups(List.of(group)).all().get(), Set.of(GroupIdNotFoundException.class));
        }
        return null;
    }

    private static Void transactions() throws Exception {
        String topic = topicOf(1, Map.of());
        String group = unique("group");
        TopicPartition partition = new TopicPartition(topic, 0);
        Map<String, Object> settings = Map.of("transactional.id", unique("transaction"));
        try (KafkaProducer<byte[], byte[]> producer = producerOf(settings); Admin admin = admin()) {
            producer.initTransactions();
            for (String word : List.of("kept", "dropped", "again")) {
                producer.beginTransaction();
                send(producer, topic, numbered(2, word));
                if (word.equals("again")) {
                    producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(3)), new ConsumerGroupMetadata(group));
                }
                if (word.equals("dropped")) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
            }
            same(values(readAll(topic, 4, "read_committed")), List.of("kept-0", "kept-1", "again-0", "again-1"), "read committed");
            same(readAll(topic, 6).size(), 6, "read uncommitted");
            same(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition).offset(), 3L, "committed");
            // A second producer of the same id takes over: the first one is fenced.
            try (KafkaProducer<byte[], byte[]> newer = producerOf(settings)) {
                newer.initTransactions();
                newer.beginTransaction();
                send(newer, topic, numbered(1, "newer"));
                refused(() -> {
                    producer.beginTransaction();
                    send(producer, topic, numbered(1, "zombie"));
                    producer.commitTransaction();
                }, Set.of(ProducerFencedException.class, InvalidProducerEpochException.class));
                newer.commitTransaction();
            }
        }
        return null;
    }
}
