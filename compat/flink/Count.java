// A running count by word, with Flink's Kafka connector, in a MiniCluster of this process.
// Usage: java Count BOOTSTRAP INPUT OUTPUT NAMING THROW_AFTER NAME=VALUE...
// NAMING is the sink's TransactionNamingStrategy. THROW_AFTER: so many records after the second completed checkpoint the counting
// throws once (0: never), and the restart strategy must recover. Settings are Flink's own.
// Every update of a count goes out, so that the output of a word must be 1, 2, 3, ... without a gap or a repetition.

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

public final class Count {
    private static final long TO_SEND_MS = 300;

    // Of the process, not of the job: a recovered job must not throw again.
    private static final AtomicInteger SINCE_CHECKPOINT = new AtomicInteger();
    private static final AtomicInteger CHECKPOINTS = new AtomicInteger();
    private static final AtomicBoolean THREW = new AtomicBoolean();

    private Count() {}

    static final class Counter extends KeyedProcessFunction<String, String, Tuple2<String, Long>>
            implements CheckpointListener {
        private static final long serialVersionUID = 1L;
        private final int throwAfter;
        private transient ValueState<Long> count;

        Counter(int throwAfter) {
            this.throwAfter = throwAfter;
        }

        @Override
        public void open(OpenContext context) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Long.class));
        }

        @Override
        public void processElement(String word, Context context, Collector<Tuple2<String, Long>> out)
                throws Exception {
            Long before = count.value();
            long now = before == null ? 1 : before + 1;
            count.update(now);
            out.collect(Tuple2.of(word, now));
            if (throwAfter > 0 && CHECKPOINTS.get() >= 2 && SINCE_CHECKPOINT.incrementAndGet() >= throwAfter
                    && THREW.compareAndSet(false, true)) {
                Thread.sleep(TO_SEND_MS); // the producer sends what is in its buffer: records of a transaction to be aborted
                System.out.println("threw on purpose");
                throw new IllegalStateException("thrown on purpose");
            }
        }

        @Override
        public void notifyCheckpointComplete(long checkpoint) {
            CHECKPOINTS.incrementAndGet();
            SINCE_CHECKPOINT.set(0);
        }
    }

    // A class, not a lambda: Flink asks it for its type.
    static final class Field implements SerializationSchema<Tuple2<String, Long>> {
        private static final long serialVersionUID = 1L;
        private final int position;

        Field(int position) {
            this.position = position;
        }

        @Override
        public byte[] serialize(Tuple2<String, Long> pair) {
            return pair.getField(position).toString().getBytes(StandardCharsets.UTF_8);
        }
    }

    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[0];
        Configuration settings = new Configuration();
        for (String setting : Arrays.copyOfRange(arguments, 5, arguments.length)) {
            String[] parts = setting.split("=", 2);
            settings.setString(parts[0], parts[1]);
        }
        KafkaSource<String> source = KafkaSource.<String>builder()
            .setBootstrapServers(bootstrap)
            .setTopics(arguments[1])
            .setGroupId(arguments[1])
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setValueOnlyDeserializer(new SimpleStringSchema())
            .build();
        KafkaSink<Tuple2<String, Long>> sink = KafkaSink.<Tuple2<String, Long>>builder()
            .setBootstrapServers(bootstrap)
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionNamingStrategy(TransactionNamingStrategy.valueOf(arguments[3]))
            .setTransactionalIdPrefix(arguments[2])
            .setProperty("transaction.timeout.ms", "120000") // Flink's own hour is beyond what a broker allows
            .setRecordSerializer(KafkaRecordSerializationSchema.<Tuple2<String, Long>>builder()
                .setTopic(arguments[2])
                .setKeySerializationSchema(new Field(0))
                .setValueSerializationSchema(new Field(1))
                .build())
            .build();
        StreamExecutionEnvironment environment =
            StreamExecutionEnvironment.createLocalEnvironment(2, settings);
        environment.fromSource(source, WatermarkStrategy.noWatermarks(), "input")
            .keyBy(word -> word)
            .process(new Counter(Integer.parseInt(arguments[4])))
            .sinkTo(sink);
        environment.execute("count");
    }
}
