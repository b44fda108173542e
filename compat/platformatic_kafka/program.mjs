// What a client program shows, with @platformatic/kafka. Usage: program.mjs BOOTSTRAP PREFIX [FEATURE]
// Prints one JSON line for each feature of compat/features.py; everything else goes to standard error.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { Admin, ConfigResourceTypes, Consumer, FetchIsolationLevels, IncrementalAlterConfigOperationTypes, Producer } from '@platformatic/kafka'

const [bootstrap, prefix, only] = process.argv.slice(2)
const LIMIT_MS = 60_000 // for one feature; a healthy broker needs a few seconds
const base = { clientId: prefix, bootstrapBrokers: [bootstrap], metadataMaxAge: 1000, retries: 40, retryDelay: 200 }
// retries: a coordinator that a fresh broker is still making, and a topic it has only just made, for at most 8 s
const admin = new Admin(base)
let names = 0
const unique = stem => `${prefix}-${stem}-${++names}`
const open = new Set() // what a feature that failed half-way has left open

async function topicOf(partitions, configs = []) {
  const topic = unique('topic')
  await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs })
  // Kafka knows a new topic a moment after it says so, and the producer does not ask again for an unknown one.
  for (let known = false; !known; await pause(20)) {
    known = await admin.metadata({ topics: [topic], forceUpdate: true }).then(({ topics }) => topics.has(topic), () => false)
  }
  return topic
}

const kept = client => { open.add(client); return client }
const producerOf = (options = {}) => kept(new Producer({ ...base, autocreateTopics: false, ...options }))

async function close(client) {
  open.delete(client)
  await client.close(true)
}

async function send(messages, options = {}) {
  const producer = producerOf(options)
  const report = await producer.send({ messages, acks: -1 })
  await close(producer)
  return report
}

/** A consumer that collects what it reads: `seen` grows, `partitions()` are its own now. */
async function consumerOf(topic, groupId, options = {}, stream = {}) {
  const classic = options.groupProtocol === 'consumer' ? {} : { sessionTimeout: 10_000, heartbeatInterval: 200 }
  const consumer = kept(new Consumer({ ...base, groupId, maxWaitTime: 200, ...classic, ...options }))
  const member = { consumer, seen: [] }
  member.partitions = () => (consumer.assignments ?? []).flatMap(({ partitions }) => partitions)
  const messages = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false, ...stream })
  messages.on('data', message => member.seen.push(message))
  messages.on('error', error => console.error('stream', error))
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

const numbers = count => Array.from({ length: count }, (_, n) => n)
const numbered = (topic, count, word = 'value') => numbers(count).map(n => ({ topic, value: Buffer.from(`${word}-${n}`), partition: 0 }))
const values = records => records.map(({ value }) => value.toString())

/** The API id of the Kafka error in what the client threw, wherever it wrapped it. */
function apiIds(error) {
  return error ? [error.apiId, ...(error.errors ?? []).flatMap(apiIds), ...apiIds(error.cause)].filter(Boolean) : []
}
const refusal = async (promise, ...ids) => assert.rejects(promise, error => {
  assert.ok(apiIds(error).some(id => ids.includes(id)), `${error}: ${apiIds(error)}`)
  return true
})

const roundTrip = compression => async () => {
  const topic = await topicOf(1)
  const messages = numbered(topic, 500, 'the same words again and again')
  await send(messages, { compression })
  assert.deepEqual(values(await readAll(topic, 500)), values(messages))
}

async function share(options) {
  const topic = await topicOf(4)
  const groupId = unique('group')
  const members = await Promise.all([consumerOf(topic, groupId, options), consumerOf(topic, groupId, options)])
  await until(() => members.every(({ partitions }) => partitions().length === 2), 'two partitions each')
  assert.deepEqual(members.flatMap(({ partitions }) => partitions()).sort(), [0, 1, 2, 3])
  await send(numbers(100).map(n => ({ topic, value: Buffer.from(`${n}`), partition: n % 4 })))
  await until(() => members[0].seen.length + members[1].seen.length >= 100, '100 records')
  const read = members.flatMap(({ seen }) => values(seen)).map(Number).sort((a, b) => a - b)
  assert.deepEqual(read, numbers(100))
  for (const { consumer } of members) await close(consumer)
}

async function committed(groupId, topic) {
  const [group] = await admin.listConsumerGroupOffsets({ groups: [{ groupId, topics: [{ name: topic, partitionIndexes: [0] }] }] })
  return group.topics[0].partitions[0]
}

const features = {
  async produce() {
    const topic = await topicOf(1)
    const producer = producerOf()
    for (let n = 0; n < 1000; n += 100) {
      const { offsets } = await producer.send({ messages: numbered(topic, 100), acks: -1 })
      assert.deepEqual(offsets, [{ topic, partition: 0, offset: BigInt(n) }])
    }
    await close(producer)
  },

  async consume() {
    const topic = await topicOf(1)
    await send(numbered(topic, 1000))
    const read = await readAll(topic, 1000)
    assert.deepEqual(values(read), values(numbered(topic, 1000)))
    assert.deepEqual(read.map(({ offset }) => Number(offset)), numbers(1000))
  },

  gzip: roundTrip('gzip'),
  snappy: roundTrip('snappy'),
  lz4: roundTrip('lz4'),
  zstd: roundTrip('zstd'),

  async headers() {
    const topic = await topicOf(1)
    const headers = new Map([[Buffer.from('trace'), Buffer.from([0, 255])], [Buffer.from('empty'), Buffer.from('')]])
    await send([
      { topic, key: Buffer.from('tombstone'), headers, partition: 0 },
      { topic, key: Buffer.from(''), value: Buffer.from(''), partition: 0 }
    ])
    const [first, second] = await readAll(topic, 2)
    assert.deepEqual([first.key.toString(), first.value ?? null], ['tombstone', null])
    const entries = [...first.headers].map(([key, value]) => [key.toString(), [...value]])
    assert.deepEqual(entries, [['trace', [0, 255]], ['empty', []]])
    assert.deepEqual([second.key.length, second.value.length], [0, 0])
  },

  async timestamps() {
    const topic = await topicOf(1)
    const start = Date.now() - 3_600_000
    await send(numbered(topic, 10).map((message, n) => ({ ...message, timestamp: BigInt(start + n * 1000) })))
    assert.deepEqual((await readAll(topic, 10)).map(({ timestamp }) => Number(timestamp) - start), numbers(10).map(n => n * 1000))
    const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: BigInt(start + 4500) }] }] })
    assert.equal(found.partitions[0].offset, 5n)
  },

  async large() {
    const topic = await topicOf(1)
    const value = Buffer.alloc(1_000_000, 'x')
    await send([{ topic, value, partition: 0 }])
    assert.ok((await readAll(topic, 1))[0].value.equals(value))
    await refusal(send([{ topic, value: Buffer.alloc(2_000_000, 'x'), partition: 0 }]), 'MESSAGE_TOO_LARGE')
  },

  async idempotence() {
    const topic = await topicOf(1)
    const producer = producerOf({ idempotent: true })
    const all = numbered(topic, 2000)
    for (let n = 0; n < 2000; n += 50) {
      const { offsets } = await producer.send({ messages: all.slice(n, n + 50), acks: -1 })
      assert.equal(offsets[0].offset, BigInt(n))
    }
    await close(producer)
    assert.deepEqual(values(await readAll(topic, 2000)), values(all))
  },

  group: () => share({}),

  async rebalance() {
    const topic = await topicOf(4)
    const groupId = unique('group')
    const [stays, leaves] = await Promise.all([consumerOf(topic, groupId), consumerOf(topic, groupId)])
    await until(() => stays.partitions().length === 2 && leaves.partitions().length === 2, 'two partitions each')
    await close(leaves.consumer)
    await until(() => stays.partitions().length === 4, 'four partitions')
    await send(numbers(4).map(partition => ({ topic, value: Buffer.from(`${partition}`), partition })))
    await until(() => stays.seen.length >= 4, 'one record of each partition')
    assert.deepEqual(values(stays.seen).sort(), ['0', '1', '2', '3'])
    await close(stays.consumer)
  },

  async offsets() {
    const topic = await topicOf(1)
    const groupId = unique('resume')
    await send(numbered(topic, 10))
    const first = await consumerOf(topic, groupId)
    await until(() => first.seen.length >= 4, 'four records')
    await first.consumer.commit({ offsets: [{ topic, partition: 0, offset: 4n, leaderEpoch: 0 }] }) // it takes no metadata
    await close(first.consumer)
    assert.equal((await committed(groupId, topic)).committedOffset, 4n)
    const second = await consumerOf(topic, groupId)
    await until(() => second.seen.length >= 6, 'the other six')
    await close(second.consumer)
    assert.deepEqual(second.seen.map(({ offset }) => Number(offset)), [4, 5, 6, 7, 8, 9])
  },

  async topics() {
    const topic = await topicOf(2, [{ name: 'retention.ms', value: '60000' }])
    await refusal(admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 }), 'TOPIC_ALREADY_EXISTS')
    await admin.createPartitions({ topics: [{ name: topic, count: 5 }] })
    await pause(300)
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
    assert.equal(metadata.topics.get(topic).partitionsCount, 5)
    await admin.deleteTopics({ topics: [topic] })
    await pause(300)
    assert.ok(!(await admin.listTopics()).includes(topic))
    await refusal(admin.deleteTopics({ topics: [topic] }), 'UNKNOWN_TOPIC_OR_PARTITION')
  },

  async configs() {
    const topic = await topicOf(1, [{ name: 'cleanup.policy', value: 'compact' }])
    const describe = async (resourceType, resourceName) => {
      const [answer] = await admin.describeConfigs({ resources: [{ resourceType, resourceName }] })
      return Object.fromEntries(answer.configs.map(({ name, value }) => [name, value]))
    }
    const before = await describe(ConfigResourceTypes.TOPIC, topic)
    assert.deepEqual([before['cleanup.policy'], before['retention.ms']], ['compact', '604800000'])
    await admin.incrementalAlterConfigs({
      resources: [{
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName: topic,
        configs: [{ name: 'retention.ms', configOperation: IncrementalAlterConfigOperationTypes.SET, value: '3600000' }]
      }]
    })
    await pause(300)
    const after = await describe(ConfigResourceTypes.TOPIC, topic)
    assert.deepEqual([after['cleanup.policy'], after['retention.ms']], ['compact', '3600000'])
    const [node] = (await admin.metadata({ topics: [] })).brokers.keys()
    assert.ok('log.retention.ms' in await describe(ConfigResourceTypes.BROKER, `${node}`))
  },

  async groups() {
    const topic = await topicOf(1)
    const groupId = unique('group')
    await send(numbered(topic, 3))
    const member = await consumerOf(topic, groupId)
    await until(() => member.seen.length >= 3, 'three records')
    await member.consumer.commit({ offsets: [{ topic, partition: 0, offset: 3n, leaderEpoch: 0 }] })
    const described = (await admin.describeGroups({ groups: [groupId] })).get(groupId)
    assert.deepEqual([described.state, described.protocolType, described.members.size], ['Stable', 'consumer', 1])
    assert.ok((await admin.listGroups()).has(groupId))
    await close(member.consumer)
    assert.equal((await committed(groupId, topic)).committedOffset, 3n)
    await admin.deleteGroups({ groups: [groupId] })
    assert.ok(!(await admin.listGroups()).has(groupId))
  },

  async transactions() {
    const topic = await topicOf(1)
    const [groupId, transactionalId] = [unique('group'), unique('transaction')]
    const reader = await consumerOf(topic, groupId) // lends its group to addOffset
    const producer = producerOf({ transactionalId, idempotent: true })
    for (const [word, commit] of [['kept', true], ['dropped', false], ['again', true]]) {
      const transaction = await producer.beginTransaction()
      await transaction.send({ messages: numbered(topic, 2, word) })
      if (word === 'again') {
        await until(() => reader.seen.length >= 2, 'records to commit')
        await transaction.addConsumer(reader.consumer)
        await transaction.addOffset(reader.seen[1])
      }
      await (commit ? transaction.commit() : transaction.abort())
    }
    await close(reader.consumer)
    const isolation = { isolationLevel: FetchIsolationLevels.READ_COMMITTED }
    assert.deepEqual(values(await readAll(topic, 4, isolation)), ['kept-0', 'kept-1', 'again-0', 'again-1'])
    assert.equal((await readAll(topic, 6, { isolationLevel: FetchIsolationLevels.READ_UNCOMMITTED })).length, 6)
    assert.equal((await committed(groupId, topic)).committedOffset, 2n)
    // No second producer of the same id: this client cannot take over from another one, on any broker (FINDINGS.md).
    await close(producer)
  },

  'next-generation': () => share({ groupProtocol: 'consumer' })
}

for (const [feature, show] of Object.entries(features)) {
  if (only && only !== feature) continue
  const began = performance.now()
  let outcome = 'passed', message = ''
  const limit = new AbortController()
  try {
    await Promise.race([show(), pause(LIMIT_MS, null, { signal: limit.signal }).then(() => { throw new Error(`not done in ${LIMIT_MS} ms`) })])
  } catch (error) {
    [outcome, message] = ['failed', `${apiIds(error).join(' ')} ${error.message}`.trim().split('\n').slice(0, 4).join(' ')]
    console.error(feature, error)
  }
  limit.abort()
  console.log(JSON.stringify({ feature, outcome, seconds: (performance.now() - began) / 1000, message }))
  for (const client of open) Promise.resolve(client.close(true)).catch(error => console.error(feature, 'closing', error.message))
  open.clear()
}
await admin.close()
process.exit(0)
