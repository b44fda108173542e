/* The load of the benchmarks: librdkafka and raw-socket clients, and the machine's own limits, in C, so that the
 * client is as small a part of what is measured as it can be.
 *
 * The rule of the file: one verb, one measurement, one line of JSON on standard output; anything wrong exits 1 with a
 * sentence on standard error. Built by bench/common.py: gcc -O2 load.c -lrdkafka -lpthread.
 *
 *   load produce BOOTSTRAP TOPIC RECORDS RECORD_BYTES PRODUCERS   batched: linger 5 ms, batch 1 MB, acks=all; one partition each
 *   load consume BOOTSTRAP TOPIC RECORDS                   partition 0 from its beginning
 *   load ack     BOOTSTRAP TOPIC SAMPLES RECORD_BYTES      one in flight, linger 0, acks=all, closed loop
 *   load through BOOTSTRAP TOPIC SAMPLES RECORD_BYTES      produce until consumed, one in flight, closed loop
 *   load frames  HOST PORT FRAME_FILE ERROR_AT CONNECTIONS WINDOW MILLISECONDS    the same frame again and again
 *   load paced   HOST PORT FRAME_FILE ERROR_AT PARTITION_AT PARTITIONS PER_SECOND MILLISECONDS   partitions in turn, open loop
 *   load noise   HOST PORT FRAME_FILE BYTES_PER_SECOND       the same frame at a rate, until killed; heeds no throttle time
 *   load disk    FILE BYTES CHUNK_BYTES SYNC_EVERY_BYTES   sequential append; 0 syncs once at the end
 *   load sync    FILE SAMPLES                              4 KiB append + fdatasync
 *   load socket  FILE BYTES                                loopback socket to page cache, 1 MB reads
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { POOL_BYTES = 8 << 20, MAX_CONNECTIONS = 64, READ_BYTES = 1 << 20 };

static char pool[POOL_BYTES]; /* random: no codec and no file system may gain from it */

static void die(const char *what, const char *why) {
  fprintf(stderr, "load: %s: %s\n", what, why);
  exit(1);
}

static double now_s(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double client_cpu_s(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void fill_pool(void) {
  unsigned long long x = 0x9E3779B97F4A7C15ULL;
  for (size_t i = 0; i < POOL_BYTES; i += 8) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    memcpy(pool + i, &x, 8);
  }
}

static void *payload(size_t number, size_t bytes) {
  return pool + (number * 997) % (POOL_BYTES - bytes);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_latencies(double *seconds, size_t count) {
  qsort(seconds, count, sizeof *seconds, by_value);
  printf("{\"samples\": %zu, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f}\n", count,
         seconds[count / 2] * 1e3, seconds[count * 99 / 100] * 1e3, seconds[count - 1] * 1e3);
}

/* ---- librdkafka ---------------------------------------------------------------------------------------------- */

static rd_kafka_t *client(rd_kafka_type_t type, const char *bootstrap, const char *const *settings,
                          void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *)) {
  char why[512];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof why);
  for (; *settings; settings += 2)
    if (rd_kafka_conf_set(conf, settings[0], settings[1], why, sizeof why) != RD_KAFKA_CONF_OK)
      die(settings[0], why);
  if (delivered)
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
  if (!rk)
    die("client", why);
  return rk;
}

static long delivered_count, delivery_errors;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)rk, (void)opaque;
  delivered_count++;
  if (message->err) {
    if (!delivery_errors++)
      fprintf(stderr, "load: delivery: %s\n", rd_kafka_err2str(message->err));
  }
}

static void send_one(rd_kafka_t *rk, const char *topic, size_t number, size_t bytes) {
  rd_kafka_resp_err_t err =
      rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                        RD_KAFKA_V_VALUE(payload(number, bytes), bytes), RD_KAFKA_V_END);
  if (err)
    die("produce", rd_kafka_err2str(err));
}

static void flush_all(rd_kafka_t *rk) {
  if (rd_kafka_flush(rk, 120000) || delivery_errors)
    die("flush", "messages were not delivered");
}

struct share { /* of the records: one producer's, to a partition of its own */
  const char *bootstrap, *topic;
  int partition;
  long records;
  size_t bytes;
  pthread_barrier_t *start;
};

static void *produce_share(void *argument) {
  struct share *s = argument;
  const char *settings[] = {"acks", "all", "linger.ms", "5", "batch.size", "1000000", "batch.num.messages", "10000",
                            "queue.buffering.max.messages", "400000", "queue.buffering.max.kbytes", "400000",
                            "delivery.report.only.error", "true", NULL};
  rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, s->bootstrap, settings, on_delivery);
  rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, s->topic, NULL);
  enum { BATCH = 1000 };
  rd_kafka_message_t batch[BATCH] = {{.payload = payload(0, s->bytes), .len = s->bytes}};
  rd_kafka_produce_batch(rkt, s->partition, 0, batch, 1); /* connection and metadata are not what is measured */
  flush_all(rk);
  pthread_barrier_wait(s->start);
  for (long sent = 0; sent < s->records;) {
    int wanted = s->records - sent < BATCH ? (int)(s->records - sent) : BATCH;
    memset(batch, 0, sizeof batch);
    for (int i = 0; i < wanted; i++)
      batch[i].payload = payload(sent + i, s->bytes), batch[i].len = s->bytes;
    int taken = rd_kafka_produce_batch(rkt, s->partition, 0, batch, wanted);
    sent += taken;
    rd_kafka_poll(rk, taken < wanted ? 2 : 0); /* a full queue: give it time to drain */
  }
  flush_all(rk);
  return NULL;
}

static void produce(const char *bootstrap, const char *topic, long records, size_t bytes, int producers) {
  struct share shares[MAX_CONNECTIONS];
  pthread_t threads[MAX_CONNECTIONS];
  pthread_barrier_t start;
  if (producers < 1 || producers > MAX_CONNECTIONS)
    die("produce", "too many producers, or none");
  pthread_barrier_init(&start, NULL, producers + 1);
  for (int i = 0; i < producers; i++) {
    shares[i] = (struct share){bootstrap, topic, i, records / producers, bytes, &start};
    pthread_create(&threads[i], NULL, produce_share, &shares[i]);
  }
  pthread_barrier_wait(&start);
  double began = now_s(CLOCK_MONOTONIC), cpu = client_cpu_s();
  for (int i = 0; i < producers; i++)
    pthread_join(threads[i], NULL);
  double seconds = now_s(CLOCK_MONOTONIC) - began;
  records = records / producers * producers;
  printf("{\"seconds\": %.6f, \"records\": %ld, \"bytes\": %zu, \"client_cpu_s\": %.3f}\n", seconds, records,
         records * bytes, client_cpu_s() - cpu);
}

static rd_kafka_t *reader(const char *bootstrap, const char *topic, int64_t offset, rd_kafka_queue_t **queue) {
  const char *settings[] = {"group.id", "bench", "enable.auto.commit", "false", "queued.min.messages", "1000000",
                            "queued.max.messages.kbytes", "262144", NULL};
  rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, bootstrap, settings, NULL);
  rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, rkt, &metadata, 10000); /* connect before the clock starts */
  if (err)
    die("metadata", rd_kafka_err2str(err));
  rd_kafka_metadata_destroy(metadata);
  *queue = rd_kafka_queue_new(rk);
  if (rd_kafka_consume_start_queue(rkt, 0, offset, *queue))
    die("consume", rd_kafka_err2str(rd_kafka_last_error()));
  return rk;
}

static void consume(const char *bootstrap, const char *topic, long records) {
  enum { BATCH = 10000 };
  static rd_kafka_message_t *batch[BATCH];
  rd_kafka_queue_t *queue;
  double began = now_s(CLOCK_MONOTONIC), cpu = client_cpu_s(), deadline = began + 120;
  reader(bootstrap, topic, RD_KAFKA_OFFSET_BEGINNING, &queue);
  began = now_s(CLOCK_MONOTONIC);
  size_t bytes = 0;
  for (long got = 0; got < records;) {
    ssize_t count = rd_kafka_consume_batch_queue(queue, 100, batch, BATCH);
    for (ssize_t i = 0; i < count; i++) {
      if (!batch[i]->err)
        got++, bytes += batch[i]->len;
      else if (batch[i]->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        die("consume", rd_kafka_message_errstr(batch[i]));
      rd_kafka_message_destroy(batch[i]);
    }
    if (now_s(CLOCK_MONOTONIC) > deadline)
      die("consume", "not all records after 120 s");
  }
  printf("{\"seconds\": %.6f, \"records\": %ld, \"bytes\": %zu, \"client_cpu_s\": %.3f}\n",
         now_s(CLOCK_MONOTONIC) - began, records, bytes, client_cpu_s() - cpu);
  fflush(stdout);
  _exit(0); /* closing the consumer is not measured */
}

static rd_kafka_t *prompt_producer(const char *bootstrap) {
  const char *settings[] = {"acks", "all", "linger.ms", "0", "socket.nagle.disable", "true", NULL};
  return client(RD_KAFKA_PRODUCER, bootstrap, settings, on_delivery);
}

static void ack(const char *bootstrap, const char *topic, long samples, size_t bytes) {
  rd_kafka_t *rk = prompt_producer(bootstrap);
  double *seconds = calloc(samples, sizeof *seconds);
  for (long i = -100; i < samples; i++) { /* the first hundred warm the path */
    long before = delivered_count;
    double began = now_s(CLOCK_MONOTONIC);
    send_one(rk, topic, i + 100, bytes);
    while (delivered_count == before)
      rd_kafka_poll(rk, 1000);
    if (i >= 0)
      seconds[i] = now_s(CLOCK_MONOTONIC) - began;
  }
  if (delivery_errors)
    die("ack", "delivery errors");
  print_latencies(seconds, samples);
}

static void through(const char *bootstrap, const char *topic, long samples, size_t bytes) {
  rd_kafka_t *rk = prompt_producer(bootstrap);
  send_one(rk, topic, 0, bytes);
  flush_all(rk);
  rd_kafka_queue_t *queue;
  reader(bootstrap, topic, RD_KAFKA_OFFSET_TAIL(1), &queue);
  double *seconds = calloc(samples, sizeof *seconds);
  for (long i = -101; i < samples; i++) { /* the first is the record of the flush, a hundred warm the path */
    double began = now_s(CLOCK_MONOTONIC);
    if (i > -101)
      send_one(rk, topic, i + 101, bytes);
    rd_kafka_message_t *message;
    do {
      if (now_s(CLOCK_MONOTONIC) > began + 30)
        die("through", "no record after 30 s");
      message = rd_kafka_consume_queue(queue, 1000);
      if (message && message->err) {
        if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
          die("through", rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
        message = NULL;
      }
    } while (!message);
    if (i >= 0)
      seconds[i] = now_s(CLOCK_MONOTONIC) - began;
    rd_kafka_message_destroy(message);
    rd_kafka_poll(rk, 0);
  }
  print_latencies(seconds, samples);
  fflush(stdout);
  _exit(0);
}

/* ---- raw sockets --------------------------------------------------------------------------------------------- */

struct connection {
  int fd;
  long sent, answered;       /* whole frames written, replies read */
  size_t out_done, out_size; /* bytes of `out` already written */
  char *out;                 /* frames waiting for the socket */
  size_t in_size;
  char in[1 << 16];
};

static int dial(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (connect(fd, (struct sockaddr *)&address, sizeof address))
    die("connect", strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static void queue_frames(struct connection *c, const char *frame, size_t size, long wanted) {
  if (c->out_done == c->out_size)
    c->out_done = c->out_size = 0;
  for (; wanted > 0; wanted--) {
    memcpy(c->out + c->out_size, frame, size);
    uint32_t correlation = htonl((uint32_t)c->sent++);
    memcpy(c->out + c->out_size + 8, &correlation, 4); /* after the length, key and version */
    c->out_size += size;
  }
}

static void read_replies(struct connection *c, size_t error_at) {
  ssize_t got = recv(c->fd, c->in + c->in_size, sizeof c->in - c->in_size, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN))
    die("frames", "the broker closed the connection");
  if (got > 0)
    c->in_size += got;
  size_t at = 0;
  while (c->in_size - at >= 4) {
    uint32_t size;
    memcpy(&size, c->in + at, 4);
    size = ntohl(size);
    if (c->in_size - at < 4 + size)
      break;
    if (c->in[at + 4 + error_at] || c->in[at + 5 + error_at])
      die("frames", "the broker answered an error");
    at += 4 + size, c->answered++;
  }
  memmove(c->in, c->in + at, c->in_size -= at);
}

static void frames(const char *host, int port, const char *path, size_t error_at, int connections, long window,
                   long milliseconds) {
  static char frame[1 << 16];
  static struct connection all[MAX_CONNECTIONS];
  struct pollfd polled[MAX_CONNECTIONS];
  int file = open(path, O_RDONLY);
  ssize_t size = read(file, frame, sizeof frame);
  if (size <= 0 || connections > MAX_CONNECTIONS)
    die("frames", "no frame, or too many connections");
  for (int i = 0; i < connections; i++) {
    all[i].fd = dial(host, port);
    all[i].out = malloc((window + 1) * size * 2);
  }
  double began = now_s(CLOCK_MONOTONIC), cpu = client_cpu_s(), end = began + milliseconds / 1e3, now;
  do {
    for (int i = 0; i < connections; i++) {
      struct connection *c = &all[i];
      /* Refill when half the window is free: larger writes, as a busy client's would be. */
      if (c->out_done == c->out_size && c->sent - c->answered <= window / 2)
        queue_frames(c, frame, size, window - (c->sent - c->answered));
      if (c->out_done < c->out_size) {
        ssize_t wrote = send(c->fd, c->out + c->out_done, c->out_size - c->out_done, MSG_NOSIGNAL);
        if (wrote < 0 && errno != EAGAIN)
          die("frames", strerror(errno));
        if (wrote > 0)
          c->out_done += wrote;
      }
      polled[i] = (struct pollfd){.fd = c->fd, .events = POLLIN | (c->out_done < c->out_size ? POLLOUT : 0)};
    }
    if (poll(polled, connections, 1000) == 0)
      die("frames", "no reply for a second");
    for (int i = 0; i < connections; i++)
      if (polled[i].revents & (POLLIN | POLLHUP | POLLERR))
        read_replies(&all[i], error_at);
    now = now_s(CLOCK_MONOTONIC);
  } while (now < end);
  long answered = 0;
  for (int i = 0; i < connections; i++)
    answered += all[i].answered;
  printf("{\"seconds\": %.6f, \"requests\": %ld, \"client_cpu_s\": %.3f}\n", now - began, answered,
         client_cpu_s() - cpu);
}

/* Latencies count from when a request was due, so that a broker that falls behind cannot hide it. */
static void paced(const char *host, int port, const char *path, size_t error_at, size_t partition_at, long partitions,
                  double rate, long milliseconds) {
  static char frame[1 << 16];
  static struct connection c;
  int file = open(path, O_RDONLY);
  ssize_t size = read(file, frame, sizeof frame);
  long total = rate * milliseconds / 1e3, warm = rate / 10, timed = 0;
  if (size <= 0 || total <= warm)
    die("paced", "no frame, or too short");
  prctl(PR_SET_TIMERSLACK, 1UL);
  c.fd = dial(host, port);
  c.out = malloc((total + 1) * size);
  double *seconds = calloc(total, sizeof *seconds), began = now_s(CLOCK_MONOTONIC);
  while (c.answered < total) {
    double now = now_s(CLOCK_MONOTONIC);
    while (c.sent < total && now >= began + c.sent / rate) {
      uint32_t partition = htonl((uint32_t)(c.sent % partitions));
      memcpy(frame + 4 + partition_at, &partition, 4);
      queue_frames(&c, frame, size, 1);
    }
    if (c.out_done < c.out_size) {
      ssize_t wrote = send(c.fd, c.out + c.out_done, c.out_size - c.out_done, MSG_NOSIGNAL);
      if (wrote < 0 && errno != EAGAIN)
        die("paced", strerror(errno));
      if (wrote > 0)
        c.out_done += wrote;
    }
    double wait = c.sent < total ? began + c.sent / rate - now_s(CLOCK_MONOTONIC) : 10;
    struct timespec left = {(time_t)(wait > 0 ? wait : 0), (long)((wait > 0 ? wait - (time_t)wait : 0) * 1e9)};
    struct pollfd polled = {.fd = c.fd, .events = POLLIN | (c.out_done < c.out_size ? POLLOUT : 0)};
    if (ppoll(&polled, 1, &left, NULL) == 0 && c.sent >= total)
      die("paced", "no reply for ten seconds");
    if (polled.revents & (POLLIN | POLLHUP | POLLERR)) {
      read_replies(&c, error_at);
      for (now = now_s(CLOCK_MONOTONIC); timed < c.answered; timed++)
        seconds[timed] = now - (began + timed / rate);
    }
  }
  print_latencies(seconds + warm, total - warm);
}

/* What the socket does not take is left out, so that a muted client costs no time of its own and owes nothing later. */
static void noise(const char *host, int port, const char *path, double rate) {
  static char frame[1 << 20], replies[1 << 16];
  int file = open(path, O_RDONLY), fd = dial(host, port);
  size_t size = read(file, frame, sizeof frame), done = 0;
  if ((ssize_t)size <= 0)
    die("noise", "no frame");
  double due = now_s(CLOCK_MONOTONIC);
  for (;;) {
    double now = now_s(CLOCK_MONOTONIC);
    if (!done && now < due) {
      usleep((due - now) * 1e6 + 1);
    } else {
      ssize_t wrote = send(fd, frame + done, size - done, MSG_NOSIGNAL);
      if (wrote < 0 && errno != EAGAIN)
        die("noise", strerror(errno));
      if (wrote > 0)
        done += wrote;
      if (done == size)
        done = 0, due += size / rate;
      else
        poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000);
      now = now_s(CLOCK_MONOTONIC);
      if (due < now - 0.1)
        due = now; /* muted: what it would have sent meanwhile is left out */
    }
    ssize_t got;
    while ((got = recv(fd, replies, sizeof replies, 0)) > 0)
      ;
    if (got == 0)
      die("noise", "the broker closed the connection");
  }
}

/* ---- the machine's own limits -------------------------------------------------------------------------------- */

static int fresh(const char *path) {
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
  if (fd < 0)
    die(path, strerror(errno));
  return fd;
}

static void write_all(int fd, const char *from, size_t bytes) {
  while (bytes) {
    ssize_t wrote = write(fd, from, bytes);
    if (wrote <= 0)
      die("write", strerror(errno));
    from += wrote, bytes -= wrote;
  }
}

static void disk(const char *path, size_t bytes, size_t chunk, size_t every) {
  int fd = fresh(path);
  double began = now_s(CLOCK_MONOTONIC);
  for (size_t done = 0; done < bytes; done += chunk) {
    write_all(fd, pool + done % (POOL_BYTES - chunk), chunk);
    if (every && (done + chunk) % every == 0 && fdatasync(fd))
      die("fdatasync", strerror(errno));
  }
  if (fdatasync(fd))
    die("fdatasync", strerror(errno));
  printf("{\"seconds\": %.6f, \"bytes\": %zu}\n", now_s(CLOCK_MONOTONIC) - began, bytes);
  unlink(path);
}

static void sync_latency(const char *path, long samples) {
  int fd = fresh(path);
  double *seconds = calloc(samples, sizeof *seconds);
  for (long i = 0; i < samples; i++) {
    double began = now_s(CLOCK_MONOTONIC);
    write_all(fd, pool, 4096);
    if (fdatasync(fd))
      die("fdatasync", strerror(errno));
    seconds[i] = now_s(CLOCK_MONOTONIC) - began;
  }
  print_latencies(seconds, samples);
  unlink(path);
}

static size_t socket_bytes;

static void *pour(void *fd) {
  for (size_t done = 0; done < socket_bytes; done += READ_BYTES)
    write_all(*(int *)fd, pool + done % (POOL_BYTES - READ_BYTES), READ_BYTES);
  return NULL;
}

static void socket_to_file(const char *path, size_t bytes) {
  static char buffer[READ_BYTES];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), out = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
      getsockname(listener, (struct sockaddr *)&address, &length) ||
      connect(out, (struct sockaddr *)&address, length))
    die("socket", strerror(errno));
  int in = accept(listener, NULL, NULL), fd = fresh(path);
  socket_bytes = bytes;
  pthread_t sender;
  double began = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_THREAD_CPUTIME_ID);
  pthread_create(&sender, NULL, pour, &out);
  for (size_t done = 0; done < bytes;) {
    ssize_t got = recv(in, buffer, sizeof buffer, 0);
    if (got <= 0)
      die("socket", strerror(errno));
    write_all(fd, buffer, got);
    done += got;
  }
  printf("{\"seconds\": %.6f, \"bytes\": %zu, \"cpu_s\": %.6f}\n", now_s(CLOCK_MONOTONIC) - began, bytes,
         now_s(CLOCK_THREAD_CPUTIME_ID) - cpu);
  pthread_join(sender, NULL);
  unlink(path);
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  char **a = argv + 2;
  fill_pool();
  if (!strcmp(verb, "produce") && argc == 7)
    produce(a[0], a[1], atol(a[2]), atol(a[3]), atoi(a[4]));
  else if (!strcmp(verb, "consume") && argc == 5)
    consume(a[0], a[1], atol(a[2]));
  else if (!strcmp(verb, "ack") && argc == 6)
    ack(a[0], a[1], atol(a[2]), atol(a[3]));
  else if (!strcmp(verb, "through") && argc == 6)
    through(a[0], a[1], atol(a[2]), atol(a[3]));
  else if (!strcmp(verb, "frames") && argc == 9)
    frames(a[0], atoi(a[1]), a[2], atol(a[3]), atoi(a[4]), atol(a[5]), atol(a[6]));
  else if (!strcmp(verb, "paced") && argc == 10)
    paced(a[0], atoi(a[1]), a[2], atol(a[3]), atol(a[4]), atol(a[5]), atof(a[6]), atol(a[7]));
  else if (!strcmp(verb, "noise") && argc == 6)
    noise(a[0], atoi(a[1]), a[2], atof(a[3]));
  else if (!strcmp(verb, "disk") && argc == 6)
    disk(a[0], atol(a[1]), atol(a[2]), atol(a[3]));
  else if (!strcmp(verb, "sync") && argc == 4)
    sync_latency(a[0], atol(a[1]));
  else if (!strcmp(verb, "socket") && argc == 4)
    socket_to_file(a[0], atol(a[1]));
  else
    die("usage", "see the first lines of bench/load.c");
  return 0;
}
