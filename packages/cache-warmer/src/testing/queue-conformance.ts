// What every queue must do, as cases for any test runner:
//
//   describe('MyQueue', () => { for (const { name, run } of queueConformance(makeHarness)) it(name, run); });
import assert from 'node:assert/strict';
import type { MessageQueue, ReceivedMessage } from '../queue/message-queue.ts';
import { casesOf, fails, stopsAtAbort, type ConformanceCase } from './conformance-case.ts';

/** An empty queue under test, disposed after each case. */
export interface QueueHarness extends AsyncDisposable {
  readonly queue: MessageQueue;
  /** A queue of the same kind that was not made. */
  readonly missing: MessageQueue;
  /** Lets so many seconds pass. Default: real ones pass while a case waits for what is to come. */
  readonly pass?: (seconds: number) => void;
}

/** A lease that outlasts every case. */
const LONG_SECONDS = 600;
/** How long to wait for the end of a lease of one second. */
const LEASE_END_LIMIT_MS = 10_000;

/** The cases that an implementation of {@link MessageQueue} passes; `makeHarness` gives each a fresh queue. */
export function queueConformance(makeHarness: () => Promise<QueueHarness>): readonly ConformanceCase[] {
  return casesOf(CASES, makeHarness);
}

const signal = new AbortController().signal;

const CASES: Readonly<Record<string, (harness: QueueHarness) => Promise<void>>> = {
  async 'a message comes as it was sent, with the id that the sender got'({ queue }) {
    const texts = [
      '{"a":"<&>\\"\'"}',
      'ünïcödé-日本語-🙂',
      '  spaces around  ',
      '123',
      'true',
      'two\nlines',
      '&amp;',
      'x'.repeat(64 * 1024),
    ];
    for (const text of texts) {
      const before = Date.now();
      const id = await queue.send(text, signal);
      const message = await receiveOne(queue);
      assert.equal(message.text, text);
      assert.equal(message.id, id);
      assert.equal(message.dequeueCount, 1);
      assert.ok(Math.abs(message.insertedAt.getTime() - before) < 60_000 || message.insertedAt.getTime() < before, 'insertedAt');
      await queue.delete(message, signal);
    }
    assert.match(await queue.send('x', signal), /^[A-Za-z0-9-]{1,64}$/, 'an id is fit for the name of a record');
  },

  async 'too long a text is refused'({ queue }) {
    await fails('QUEUE_FAILED', queue.send('x'.repeat(64 * 1024 + 1), signal));
    assert.equal(await queue.approximateLength(signal), 0);
  },

  async 'a received message is hidden, a peeked one is not'({ queue }) {
    for (let index = 0; index < 3; index += 1) await queue.send(String(index), signal);
    const peeked = await queue.peek(32, signal);
    assert.deepEqual(peeked.map(({ text }) => text).sort(), ['0', '1', '2']);
    assert.deepEqual([...new Set(peeked.map(({ dequeueCount }) => dequeueCount))], [0]);
    const two = await queue.receive(2, LONG_SECONDS, signal);
    assert.equal(two.length, 2);
    const rest = await queue.receive(32, LONG_SECONDS, signal);
    assert.equal(rest.length, 1);
    assert.deepEqual([...two, ...rest].map(({ text }) => text).sort(), ['0', '1', '2']);
    assert.deepEqual(await queue.receive(32, LONG_SECONDS, signal), []);
    assert.deepEqual(await queue.peek(32, signal), []);
  },

  async 'the length counts leased messages too'({ queue }) {
    assert.equal(await queue.approximateLength(signal), 0);
    await queue.send('a', signal);
    await queue.send('b', signal);
    const message = await receiveOne(queue);
    assert.equal(await queue.approximateLength(signal), 2);
    await queue.delete(message, signal);
    assert.equal(await queue.approximateLength(signal), 1);
  },

  async 'a message comes back when its lease ends, and is received again'(harness) {
    const { queue } = harness;
    const id = await queue.send('a', signal);
    const first = await receiveOne(queue, 1);
    const second = await whenLeaseEnds(harness);
    assert.equal(second.id, id);
    assert.equal(second.dequeueCount, 2);
    assert.equal(second.insertedAt.getTime(), first.insertedAt.getTime());
    await fails('QUEUE_LEASE_LOST', queue.delete(first, signal));
    await fails('QUEUE_LEASE_LOST', queue.update(first, { leaseSeconds: LONG_SECONDS }, signal));
    await queue.delete(second, signal);
  },

  async 'a lease that has ended is good until someone else receives the message'(harness) {
    const { queue } = harness;
    await queue.send('a', signal);
    const message = await receiveOne(queue, 1);
    await untilVisible(harness);
    await queue.delete(message, signal);
    assert.equal(await queue.approximateLength(signal), 0);
  },

  async 'a renewal keeps the message hidden, and only its receipt is good'(harness) {
    const { queue } = harness;
    await queue.send('a', signal);
    await queue.send('other', signal);
    const messages = await queue.receive(2, 1, signal);
    const message = messages.find(({ text }) => text === 'a');
    assert.ok(message !== undefined);
    const receipt = await queue.update(message, { leaseSeconds: LONG_SECONDS }, signal);
    assert.notEqual(receipt, message.receipt);
    // When the other lease has ended, this one would have too.
    const again = await whenLeaseEnds(harness);
    assert.equal(again.text, 'other');
    assert.deepEqual(await queue.receive(1, 1, signal), []);
    await fails('QUEUE_LEASE_LOST', queue.update(message, { leaseSeconds: 1 }, signal));
    await fails('QUEUE_LEASE_LOST', queue.delete(message, signal));
    await queue.delete({ id: message.id, receipt }, signal);
  },

  async 'an update replaces the text, or keeps it'({ queue }) {
    await queue.send('first', signal);
    const message = await receiveOne(queue);
    let receipt = await queue.update(message, { leaseSeconds: LONG_SECONDS, text: 'second <&>' }, signal);
    receipt = await queue.update({ id: message.id, receipt }, { leaseSeconds: 0 }, signal);
    const again = await receiveOne(queue);
    assert.equal(again.text, 'second <&>');
    assert.equal(again.dequeueCount, 2);
    await fails('QUEUE_LEASE_LOST', queue.delete({ id: message.id, receipt }, signal), 'a lease that was handed back');
  },

  async 'a lease of no time hands the message back at once'({ queue }) {
    const id = await queue.send('a', signal);
    const message = await receiveOne(queue);
    await queue.update(message, { leaseSeconds: 0 }, signal);
    assert.deepEqual(
      (await queue.peek(1, signal)).map((peeked) => peeked.id),
      [id],
    );
  },

  async 'a deleted message is gone for all'({ queue }) {
    await queue.send('a', signal);
    const message = await receiveOne(queue);
    await queue.delete(message, signal);
    await fails('QUEUE_LEASE_LOST', queue.delete(message, signal));
    await fails('QUEUE_LEASE_LOST', queue.update(message, { leaseSeconds: 1 }, signal));
    assert.equal(await queue.approximateLength(signal), 0);
  },

  async 'two receivers never get the same message'({ queue }) {
    for (let index = 0; index < 20; index += 1) await queue.send(String(index), signal);
    const takes = await Promise.all(Array.from({ length: 8 }, () => queue.receive(5, LONG_SECONDS, signal)));
    const texts = takes.flat().map(({ text }) => text);
    assert.equal(texts.length, 20);
    assert.equal(new Set(texts).size, 20);
  },

  async 'counts and times out of bounds are refused'({ queue }) {
    await queue.send('a', signal);
    await fails('QUEUE_FAILED', queue.receive(33, LONG_SECONDS, signal));
    await fails('QUEUE_FAILED', queue.receive(1, 604_801, signal));
    await fails('QUEUE_FAILED', queue.peek(33, signal));
    const message = await receiveOne(queue);
    await fails('QUEUE_FAILED', queue.update(message, { leaseSeconds: 604_801 }, signal));
    await fails('QUEUE_FAILED', queue.update(message, { leaseSeconds: 1, text: 'x'.repeat(64 * 1024 + 1) }, signal));
    await queue.delete(message, signal);
  },

  async 'a queue that was not made is QUEUE_MISSING, and may be made twice'({ missing }) {
    const lease = { id: 'a', receipt: 'b' };
    await fails('QUEUE_MISSING', missing.send('a', signal), 'send');
    await fails('QUEUE_MISSING', missing.receive(1, 1, signal), 'receive');
    await fails('QUEUE_MISSING', missing.update(lease, { leaseSeconds: 1 }, signal), 'update');
    await fails('QUEUE_MISSING', missing.delete(lease, signal), 'delete');
    await fails('QUEUE_MISSING', missing.peek(1, signal), 'peek');
    await fails('QUEUE_MISSING', missing.approximateLength(signal), 'approximateLength');
    await missing.create(signal);
    await missing.send('a', signal);
    await missing.create(signal);
    assert.equal(await missing.approximateLength(signal), 1);
  },

  async 'an abort stops every method with its reason'({ queue }) {
    await queue.send('a', signal);
    const message = await receiveOne(queue);
    await stopsAtAbort([
      (stop) => queue.create(stop),
      (stop) => queue.send('b', stop),
      (stop) => queue.receive(1, 1, stop),
      (stop) => queue.update(message, { leaseSeconds: 1 }, stop),
      (stop) => queue.delete(message, stop),
      (stop) => queue.peek(1, stop),
      (stop) => queue.approximateLength(stop),
    ]);
  },
};

async function receiveOne(queue: MessageQueue, leaseSeconds = LONG_SECONDS): Promise<ReceivedMessage> {
  const [message] = await queue.receive(1, leaseSeconds, signal);
  assert.ok(message !== undefined, 'there is no message');
  return message;
}

/** Receives the message whose lease of one second ends next. */
async function whenLeaseEnds(harness: QueueHarness): Promise<ReceivedMessage> {
  await untilVisible(harness);
  return receiveOne(harness.queue);
}

async function untilVisible({ queue, pass }: QueueHarness): Promise<void> {
  pass?.(1);
  const limit = Date.now() + LEASE_END_LIMIT_MS;
  while ((await queue.peek(1, signal)).length === 0) assert.ok(Date.now() < limit, 'the message does not come back');
}
