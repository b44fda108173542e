import java.util.List;
import java.util.Map;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricsReporter;
import org.apache.kafka.server.telemetry.ClientTelemetry;
import org.apache.kafka.server.telemetry.ClientTelemetryReceiver;

/** Makes Apache Kafka accept client telemetry, which it does only when a reporter wants it; drops what it gets. */
public class Receiver implements MetricsReporter, ClientTelemetry {
    public void configure(Map<String, ?> configs) {}

    public void init(List<KafkaMetric> metrics) {}

    public void metricChange(KafkaMetric metric) {}

    public void metricRemoval(KafkaMetric metric) {}

    public void close() {}

    public ClientTelemetryReceiver clientReceiver() {
        return (context, payload) -> {};
    }
}
