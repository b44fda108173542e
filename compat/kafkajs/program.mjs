// What a client program shows, with kafkajs. Usage: program.mjs BOOTSTRAP PREFIX [FEATURE]
// Prints one JSON line for each feature of compat/features.py; everything else goes to standard error.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import zlib from 'node:zlib'
import kafkajs from 'kafkajs'
import SnappyCodec from 'kafkajs-snappy'
import lz4 from 'lz4-napi'

const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, Partitioners, logLevel } = kafkajs
const [bootstrap, prefix, only] = process.argv.slice(2)
const LIMIT_MS = 60_000 // for one feature; a healthy broker needs a few seconds

// kafkajs brings gzip and asks its user for the other codecs.
CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: encoder => lz4.compressFrame(encoder.buffer),
  decompress: buffer => lz4.decompressFrame(buffer)
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => zlib.zstdCompressSync(encoder.buffer),
  decompress: async buffer => zlib.zstdDecompressSync(buffer)
})

const kafka = new Kafka({
  clientId: prefix, brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 100, retries: 8 }
})
const admin = kafka.admin()
let names = 0
const unique = stem => `${prefix}-${stem}-${++names}`
const open = new Set() // what a feature that failed half-way has left open

async function topicOf(partitions, configEntries = []) {
  const topic = unique('topic')
  assert.equal(await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }] }), true)
  return topic
}

async function producerOf(options = {}) {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...options })
  await producer.connect()
  open.add(producer)
  return producer
}

async function send(topic, messages, options = {}, producerOptions = {}) {
  const producer = await producerOf(producerOptions)
  const report = await producer.send({ topic, messages, ...options })
  await close(producer)
  return report
}

async function close(client) {
  open.delete(client)
  await client.disconnect()
}

/** A consumer that collects what it reads; `seen` grows, `assigned()` are its partitions now. */
async function consumerOf(topic, groupId, options = {}, run = {}) {
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 200, maxWaitTimeInMs: 200, ...options })
  open.add(consumer)
  const member = { consumer, seen: [], partitions: [] }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => { member.partitions = payload.memberAssignment[topic] ?? [] })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => { member.seen.push({ partition, ...message }) },
    ...run
  })
  return member
}

async function until(done, what) {
  for (const began = Date.now(); !done(); await pause(20)) assert.ok(Date.now() - began < 40_000, `never: ${what}`)
}

async function readAll(topic, count, options) {
  const member = await consumerOf(topic, unique('reader'), options)
  await until(() => member.seen.length >= count, `${count} records`)
  await close(member.consumer)
  assert.equal(member.seen.length, count)
  return member.seen
}

const numbered = (count, word = 'value') => Array.from({ length: count }, (_, n) => ({ value: `${word}-${n}`, partition: 0 }))
const refusal = async (promise, type) => assert.rejects(promise, error => {
  const found = error.type ?? error.errors?.[0]?.type ?? error.cause?.type
  assert.equal(found, type, `${error}`)
  return true
})
const values = records => records.map(({ value }) => value.toString())

const roundTrip = compression => async () => {
  const topic = await topicOf(1)
  const messages = numbered(500, 'the same words again and again')
  await send(topic, messages, { compression })
  assert.deepEqual(values(await readAll(topic, 500)), messages.map(({ value }) => value))
}

const features = {
  async produce() {
    const topic = await topicOf(1)
    const producer = await producerOf()
    for (let n = 0; n < 1000; n += 100) {
      const [report] = await producer.send({ topic, messages: numbered(100) })
      assert.deepEqual([report.errorCode, report.baseOffset], [0, `${n}`])
    }
    await close(producer)
  },

  async consume() {
    const topic = await topicOf(1)
    await send(topic, numbered(1000))
    const read = await readAll(topic, 1000)
    assert.deepEqual(values(read), numbered(1000).map(({ value }) => value))
    assert.deepEqual(read.map(({ offset }) => offset), Array.from({ length: 1000 }, (_, n) => `${n}`))
  },

  gzip: roundTrip(CompressionTypes.GZIP),
  snappy: roundTrip(CompressionTypes.Snappy),
  lz4: roundTrip(CompressionTypes.LZ4),
  zstd: roundTrip(CompressionTypes.ZSTD),

  async headers() {
    const topic = await topicOf(1)
    await send(topic, [
      { key: 'tombstone', value: null, headers: { trace: [Buffer.from([0, 255]), 'again'], empty: '' } },
      { key: '', value: '' }
    ])
    const [first, second] = await readAll(topic, 2)
    assert.deepEqual([first.key.toString(), first.value], ['tombstone', null])
    assert.deepEqual(first.headers, { trace: [Buffer.from([0, 255]), Buffer.from('again')], empty: Buffer.from('') })
    assert.deepEqual([second.key.length, second.value.length], [0, 0])
  },

  async timestamps() {
    const topic = await topicOf(1)
    const base = Date.now() - 3_600_000
    await send(topic, numbered(10).map((message, n) => ({ ...message, timestamp: `${base + n * 1000}` })))
    assert.deepEqual((await readAll(topic, 10)).map(({ timestamp }) => Number(timestamp) - base), Array.from({ length: 10 }, (_, n) => n * 1000))
    assert.equal((await admin.fetchTopicOffsetsByTimestamp(topic, base + 4500))[0].offset, '5')
  },

  async large() {
    const topic = await topicOf(1)
    const value = Buffer.alloc(1_000_000, 'x')
    await send(topic, [{ value }])
    assert.ok((await readAll(topic, 1))[0].value.equals(value))
    await refusal(send(topic, [{ value: Buffer.alloc(2_000_000, 'x') }]), 'MESSAGE_TOO_LARGE')
  },

  async idempotence() {
    const topic = await topicOf(1)
    const producer = await producerOf({ idempotent: true, maxInFlightRequests: 1 })
    for (let n = 0; n < 2000; n += 50) {
      const [report] = await producer.send({ topic, messages: numbered(2000).slice(n, n + 50) })
      assert.equal(report.baseOffset, `${n}`)
    }
    await close(producer)
    assert.deepEqual(values(await readAll(topic, 2000)), numbered(2000).map(({ value }) => value))
  },

  async group() {
    const topic = await topicOf(4)
    const groupId = unique('group')
    const members = [await consumerOf(topic, groupId), await consumerOf(topic, groupId)]
    await until(() => members.every(({ partitions }) => partitions.length === 2), 'two partitions each')
    assert.deepEqual(members.flatMap(({ partitions }) => partitions).sort(), [0, 1, 2, 3])
    await send(topic, Array.from({ length: 100 }, (_, n) => ({ value: `${n}`, partition: n % 4 })))
    await until(() => members[0].seen.length + members[1].seen.length >= 100, '100 records')
    const read = members.flatMap(({ seen }) => values(seen)).map(Number).sort((a, b) => a - b)
    assert.deepEqual(read, Array.from({ length: 100 }, (_, n) => n))
    for (const { consumer } of members) await close(consumer)
  },

  async rebalance() {
    const topic = await topicOf(4)
    const groupId = unique('group')
    const [stays, leaves] = [await consumerOf(topic, groupId), await consumerOf(topic, groupId)]
    await until(() => stays.partitions.length === 2 && leaves.partitions.length === 2, 'two partitions each')
    await close(leaves.consumer)
    await until(() => stays.partitions.length === 4, 'four partitions')
    await send(topic, [0, 1, 2, 3].map(partition => ({ value: `${partition}`, partition })))
    await until(() => stays.seen.length >= 4, 'one record of each partition')
    assert.deepEqual(values(stays.seen).sort(), ['0', '1', '2', '3'])
    await close(stays.consumer)
  },

  async offsets() {
    const topic = await topicOf(1)
    const groupId = unique('resume')
    await send(topic, numbered(10))
    const first = await consumerOf(topic, groupId)
    await until(() => first.seen.length >= 4, 'four records')
    await first.consumer.commitOffsets([{ topic, partition: 0, offset: '4', metadata: 'up to three' }])
    await close(first.consumer)
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
    assert.deepEqual([committed.partitions[0].offset, committed.partitions[0].metadata], ['4', 'up to three'])
    const second = await consumerOf(topic, groupId)
    await until(() => second.seen.length >= 6, 'the other six')
    await close(second.consumer)
    assert.deepEqual(second.seen.map(({ offset }) => offset), ['4', '5', '6', '7', '8', '9'])
  },

  async topics() {
    const topic = await topicOf(2, [{ name: 'retention.ms', value: '60000' }])
    assert.equal(await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }), false) // kafkajs' word for a duplicate
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
    await pause(300)
    const described = await admin.fetchTopicMetadata({ topics: [topic] })
    assert.deepEqual(described.topics[0].partitions.map(({ partitionId }) => partitionId).sort(), [0, 1, 2, 3, 4])
    await admin.deleteTopics({ topics: [topic] })
    await pause(300)
    assert.ok(!(await admin.listTopics()).includes(topic))
    await refusal(admin.deleteTopics({ topics: [topic] }), 'UNKNOWN_TOPIC_OR_PARTITION')
  },

  async configs() {
    const topic = await topicOf(1, [{ name: 'cleanup.policy', value: 'compact' }])
    const describe = async () => {
      const answer = await admin.describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }], includeSynonyms: false })
      return Object.fromEntries(answer.resources[0].configEntries.map(entry => [entry.configName, entry]))
    }
    const before = await describe()
    assert.deepEqual([before['cleanup.policy'].configValue, before['retention.ms'].configValue], ['compact', '604800000'])
    await admin.alterConfigs({
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name: 'retention.ms', value: '3600000' }] }]
    })
    await pause(300)
    const after = await describe()
    assert.deepEqual([after['cleanup.policy'].configValue, after['retention.ms'].configValue], ['delete', '3600000'])
    const { brokers } = await admin.describeCluster()
    const broker = await admin.describeConfigs({ resources: [{ type: ConfigResourceTypes.BROKER, name: `${brokers[0].nodeId}` }], includeSynonyms: true })
    assert.ok(broker.resources[0].configEntries.some(({ configName }) => configName === 'log.retention.ms'))
  },

  async groups() {
    const topic = await topicOf(1)
    const groupId = unique('group')
    await send(topic, numbered(3))
    const member = await consumerOf(topic, groupId)
    await until(() => member.seen.length >= 3, 'three records')
    await member.consumer.commitOffsets([{ topic, partition: 0, offset: '3' }])
    const [described] = (await admin.describeGroups([groupId])).groups
    assert.deepEqual([described.state, described.protocolType, described.members.length], ['Stable', 'consumer', 1])
    assert.ok((await admin.listGroups()).groups.some(group => group.groupId === groupId))
    await close(member.consumer)
    assert.equal((await admin.fetchOffsets({ groupId, topics: [topic] }))[0].partitions[0].offset, '3')
    await admin.deleteGroups([groupId])
    assert.equal((await admin.describeGroups([groupId])).groups[0].state, 'Dead')
  },

  async transactions() {
    const topic = await topicOf(1)
    const [groupId, transactionalId] = [unique('group'), unique('transaction')]
    const options = { transactionalId, idempotent: true, maxInFlightRequests: 1 }
    const producer = await producerOf(options)
    for (const [word, commit] of [['kept', true], ['dropped', false], ['again', true]]) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: numbered(2, word) })
      if (word === 'again') {
        await transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic, partitions: [{ partition: 0, offset: '3' }] }] })
      }
      await (commit ? transaction.commit() : transaction.abort())
    }
    assert.deepEqual(values(await readAll(topic, 4)), ['kept-0', 'kept-1', 'again-0', 'again-1'])
    assert.equal((await readAll(topic, 6, { readUncommitted: true })).length, 6)
    assert.equal((await admin.fetchOffsets({ groupId, topics: [topic] }))[0].partitions[0].offset, '3')
    // A second producer of the same id takes over: the first one is fenced at its next transaction.
    const newer = await producerOf(options)
    const taken = await newer.transaction()
    await assert.rejects(async () => {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: numbered(1, 'zombie') })
      await transaction.commit()
    }, error => ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'].includes(error.type ?? error.cause?.type))
    await taken.abort()
    await close(newer)
  },

  'next-generation': null // kafkajs speaks the classic group protocol alone
}

await admin.connect()
for (const [feature, show] of Object.entries(features)) {
  if (only && only !== feature) continue
  const began = performance.now()
  let outcome = 'passed', message = ''
  if (show === null) {
    [outcome, message] = ['absent', 'the client does not have it']
  } else {
    const limit = new AbortController()
    try {
      await Promise.race([show(), pause(LIMIT_MS, null, { signal: limit.signal }).then(() => { throw new Error(`not done in ${LIMIT_MS} ms`) })])
    } catch (error) {
      [outcome, message] = ['failed', `${error.type ?? ''} ${error.message}`.trim().split('\n').slice(0, 4).join(' ')]
      console.error(feature, error)
    }
    limit.abort()
  }
  console.log(JSON.stringify({ feature, outcome, seconds: (performance.now() - began) / 1000, message }))
  for (const client of open) client.disconnect().catch(error => console.error(feature, 'closing', error.message))
  open.clear()
}
await admin.disconnect()
process.exit(0)
