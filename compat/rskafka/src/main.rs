//! What a client program shows, with rskafka. Usage: program BOOTSTRAP PREFIX [FEATURE]
//! Prints one JSON line for each feature of compat/features.py; everything else goes to standard error.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::{Record, RecordAndOffset};

type Shown = Result<(), String>;

const LIMIT: Duration = Duration::from_secs(60); // for one feature; a healthy broker needs a few seconds
const TIMEOUT_MS: i32 = 10_000;
static NAMES: AtomicUsize = AtomicUsize::new(0);

/// The features, in the order of the page. rskafka has no groups, no idempotence, no configs and no transactions.
const FEATURES: [&str; 18] = [
    "produce", "consume", "gzip", "snappy", "lz4", "zstd", "headers", "timestamps", "large", "idempotence", "group",
    "rebalance", "offsets", "topics", "configs", "groups", "transactions", "next-generation",
];

fn unique(stem: &str) -> String {
    format!("{}-{}-{}", env::args().nth(2).unwrap(), stem, NAMES.fetch_add(1, Ordering::Relaxed))
}

fn same<T: PartialEq + std::fmt::Debug>(got: T, wanted: T, what: &str) -> Shown {
    if got == wanted {
        return Ok(());
    }
    Err(format!("{what}: got {got:?}, wanted {wanted:?}").chars().take(300).collect())
}

fn said(error: Error) -> String {
    error.to_string()
}

async fn client() -> Result<Client, String> {
    let bootstrap = env::args().nth(1).unwrap();
    ClientBuilder::new(vec![bootstrap]).build().await.map_err(said)
}

async fn topic_of(client: &Client, partitions: i32) -> Result<String, String> {
    let topic = unique("topic");
    let controller = client.controller_client().map_err(said)?;
    controller.create_topic(&topic, partitions, 1, TIMEOUT_MS).await.map_err(said)?;
    Ok(topic)
}

/// A fresh topic of one partition, and its client.
async fn partition() -> Result<PartitionClient, String> {
    let client = client().await?;
    let topic = topic_of(&client, 1).await?;
    client.partition_client(topic, 0, UnknownTopicHandling::Retry).await.map_err(said)
}

fn record(value: impl Into<Vec<u8>>) -> Record {
    Record { key: None, value: Some(value.into()), headers: BTreeMap::new(), timestamp: Utc::now() }
}

fn numbered(count: usize, word: &str) -> Vec<Record> {
    (0..count).map(|n| record(format!("{word}-{n}"))).collect()
}

fn values(records: impl IntoIterator<Item = Record>) -> Vec<Option<Vec<u8>>> {
    records.into_iter().map(|record| record.value).collect()
}

async fn read_all(partition: &PartitionClient, count: usize) -> Result<Vec<RecordAndOffset>, String> {
    let mut read: Vec<RecordAndOffset> = Vec::new();
    while read.len() < count {
        let next = read.last().map_or(0, |last| last.offset + 1);
        let (more, _) = partition.fetch_records(next, 1..4_000_000, 1_000).await.map_err(said)?;
        read.extend(more);
    }
    same(read.len(), count, "number of records")?;
    Ok(read)
}

async fn produce() -> Shown {
    let offsets = partition().await?.produce(numbered(1000, "value"), Compression::NoCompression).await.map_err(said)?;
    same(offsets, (0..1000).collect(), "acknowledged offsets")
}

async fn consume() -> Shown {
    let partition = partition().await?;
    partition.produce(numbered(1000, "value"), Compression::NoCompression).await.map_err(said)?;
    let read = read_all(&partition, 1000).await?;
    same(read.iter().map(|one| one.offset).collect::<Vec<_>>(), (0..1000).collect(), "offsets")?;
    same(values(read.into_iter().map(|one| one.record)), values(numbered(1000, "value")), "values")
}

async fn round_trip(codec: Compression) -> Shown {
    let partition = partition().await?;
    let sent = numbered(500, "the same words again and again");
    partition.produce(sent.clone(), codec).await.map_err(said)?;
    let read = read_all(&partition, 500).await?;
    same(values(read.into_iter().map(|one| one.record)), values(sent), "values")
}

async fn headers() -> Shown {
    let partition = partition().await?;
    let headers = BTreeMap::from([("trace".to_owned(), vec![0, 255]), ("empty".to_owned(), vec![])]);
    let timestamp = DateTime::from_timestamp_millis(Utc::now().timestamp_millis()).unwrap();
    let sent = vec![
        Record { key: Some(b"tombstone".to_vec()), value: None, headers, timestamp },
        Record { key: Some(vec![]), value: Some(vec![]), headers: BTreeMap::new(), timestamp },
    ];
    partition.produce(sent.clone(), Compression::NoCompression).await.map_err(said)?;
    same(read_all(&partition, 2).await?.into_iter().map(|one| one.record).collect(), sent, "records")
}

async fn timestamps() -> Shown {
    let partition = partition().await?;
    let start = Utc::now().timestamp_millis() - 3_600_000;
    let at = |n: i64| DateTime::from_timestamp_millis(start + n * 1000).unwrap();
    let sent = (0..10).map(|n| Record { timestamp: at(n), ..record("x") }).collect();
    partition.produce(sent, Compression::NoCompression).await.map_err(said)?;
    let read = read_all(&partition, 10).await?;
    same(read.iter().map(|one| one.record.timestamp).collect::<Vec<_>>(), (0..10).map(at).collect(), "times")?;
    let between = DateTime::from_timestamp_millis(start + 4500).unwrap();
    let found = partition.get_offset(OffsetAt::Timestamp(between)).await.map_err(said)?;
    same(found, 5, "offset of a time")
}

async fn large() -> Shown {
    let partition = partition().await?;
    partition.produce(vec![record(vec![b'x'; 1_000_000])], Compression::NoCompression).await.map_err(said)?;
    let read = read_all(&partition, 1).await?;
    same(read[0].record.value.as_ref().map(Vec::len), Some(1_000_000), "length")?;
    let refused = partition.produce(vec![record(vec![b'x'; 2_000_000])], Compression::NoCompression).await;
    same(server_error(refused), Some(ProtocolError::MessageTooLarge), "the larger record")
}

fn server_error<T>(result: Result<T, Error>) -> Option<ProtocolError> {
    match result {
        Err(Error::ServerError { protocol_error, .. }) => Some(protocol_error),
        _ => None,
    }
}

async fn topics() -> Shown {
    let client = client().await?;
    let topic = topic_of(&client, 3).await?;
    let controller = client.controller_client().map_err(said)?;
    let again = controller.create_topic(&topic, 3, 1, TIMEOUT_MS).await;
    same(server_error(again), Some(ProtocolError::TopicAlreadyExists), "a duplicate")?;
    let listed = client.list_topics().await.map_err(said)?;
    let found = listed.into_iter().find(|one| one.name == topic).ok_or("the topic is not listed")?;
    same(found.partitions.len(), 3, "partitions")?;
    controller.delete_topic(&topic, TIMEOUT_MS).await.map_err(said)?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let listed = client.list_topics().await.map_err(said)?;
    same(listed.iter().any(|one| one.name == topic), false, "still listed")
}

/// Show one feature; None when the client does not have it.
async fn show(feature: &str) -> Option<Shown> {
    Some(match feature {
        "produce" => produce().await,
        "consume" => consume().await,
        "gzip" => round_trip(Compression::Gzip).await,
        "snappy" => round_trip(Compression::Snappy).await,
        "lz4" => round_trip(Compression::Lz4).await,
        "zstd" => round_trip(Compression::Zstd).await,
        "headers" => headers().await,
        "timestamps" => timestamps().await,
        "large" => large().await,
        "topics" => topics().await,
        _ => return None,
    })
}

#[tokio::main]
async fn main() {
    let only = env::args().nth(3);
    for feature in FEATURES.iter().filter(|name| only.as_deref().is_none_or(|wanted| wanted == **name)) {
        let began = Instant::now();
        let (outcome, message) = match tokio::time::timeout(LIMIT, show(feature)).await {
            Ok(Some(Ok(()))) => ("passed", String::new()),
            Ok(Some(Err(message))) => ("failed", message),
            Ok(None) => ("absent", "the client does not have it".to_owned()),
            Err(_) => ("failed", format!("not done in {LIMIT:?}")),
        };
        let message = message.replace('\\', "/").replace('"', "'").replace(char::is_control, " ");
        let seconds = began.elapsed().as_secs_f64();
        println!(r#"{{"feature": "{feature}", "outcome": "{outcome}", "seconds": {seconds:.3}, "message": "{message}"}}"#);
    }
}
