// Debezium's engine with the PostgreSQL connector: every change event goes to Kafka, and so do the offsets.
// Usage: java Changes BOOTSTRAP NAME=VALUE...   (the engine's own settings)
// A batch is acknowledged by the broker before the engine may remember it: a change can come twice, but none is left out.

import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.Json;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

public final class Changes {
    private Changes() {}

    private static void send(
            KafkaProducer<String, String> producer,
            List<ChangeEvent<String, String>> batch,
            DebeziumEngine.RecordCommitter<ChangeEvent<String, String>> committer)
            throws InterruptedException {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (ChangeEvent<String, String> event : batch) {
            sent.add(producer.send(new ProducerRecord<>(event.destination(), event.key(), event.value())));
        }
        for (int i = 0; i < batch.size(); i++) {
            try {
                sent.get(i).get();
            } catch (java.util.concurrent.ExecutionException error) {
                throw new IllegalStateException("not acknowledged", error);
            }
            committer.markProcessed(batch.get(i));
        }
        committer.markBatchFinished();
    }

    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        for (String setting : Arrays.copyOfRange(arguments, 1, arguments.length)) {
            String[] parts = setting.split("=", 2);
            settings.put(parts[0], parts[1]);
        }
        Properties told = new Properties();
        told.put("bootstrap.servers", arguments[0]);
        told.put("enable.idempotence", "true");
        told.put("key.serializer", StringSerializer.class.getName());
        told.put("value.serializer", StringSerializer.class.getName());
        KafkaProducer<String, String> producer = new KafkaProducer<>(told);
        DebeziumEngine<ChangeEvent<String, String>> engine = DebeziumEngine.create(Json.class)
            .using(settings)
            .using((success, message, error) -> {
                System.out.println("completed " + success + " " + message);
                if (error != null) {
                    error.printStackTrace(System.out);
                }
            })
            .notifying((batch, committer) -> send(producer, batch, committer))
            .build();
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                engine.close();
                main.join();
            } catch (java.io.IOException | InterruptedException error) {
                error.printStackTrace(System.out);
            }
        }));
        engine.run();
        producer.close();
    }
}
