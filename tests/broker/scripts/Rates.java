// What Kafka's own accounting of quotas says to a script on standard input, one line for each event.
//
//   rate|bucket <windows> <window seconds> <limit>     begins a new one
//   <time ms> <value>                                  records; printed are the measure and the throttle time

import java.util.Collections;
import java.util.Scanner;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.Quota;
import org.apache.kafka.common.metrics.QuotaViolationException;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.common.metrics.stats.Rate;
import org.apache.kafka.common.metrics.stats.TokenBucket;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.quota.QuotaUtils;

public class Rates {
    public static void main(String[] arguments) {
        Metrics metrics = new Metrics(new MetricConfig(), Collections.emptyList(), Time.SYSTEM);
        Scanner lines = new Scanner(System.in);
        Sensor sensor = null;
        KafkaMetric metric = null;
        double limit = 0;
        boolean isRate = true;
        int number = 0;
        while (lines.hasNextLine()) {
            String[] words = lines.nextLine().split(" ");
            if (words.length == 4) {
                number++;
                isRate = words[0].equals("rate");
                limit = Double.parseDouble(words[3]);
                MetricConfig config = new MetricConfig()
                    .samples(Integer.parseInt(words[1]))
                    .timeWindow(Long.parseLong(words[2]), TimeUnit.SECONDS)
                    .quota(Quota.upperBound(limit));
                sensor = metrics.sensor("sensor-" + number, config, Long.MAX_VALUE, Sensor.RecordingLevel.INFO);
                var name = metrics.metricName("metric-" + number, "quotas");
                sensor.add(name, isRate ? new Rate() : new TokenBucket(), config);
                metric = metrics.metric(name);
                continue;
            }
            long now = Long.parseLong(words[0]);
            long throttleMs = 0;
            try {
                sensor.record(Double.parseDouble(words[1]), now, true);
            } catch (QuotaViolationException violation) {
                throttleMs = isRate
                    ? QuotaUtils.throttleTime(violation, now)
                    : Math.round(-violation.value() / violation.bound() * 1000);
            }
            System.out.println(metric.measurable().measure(metric.config(), now) + " " + throttleMs);
        }
    }
}
