// What every record store must do, as cases for any test runner:
//
//   describe('MyRecords', () => { for (const { name, run } of recordsConformance(makeHarness)) it(name, run); });
import assert from 'node:assert/strict';
import type { RecordEntry, RecordStore } from '../records/record-store.ts';
import { casesOf, fails, stopsAtAbort, type ConformanceCase } from './conformance-case.ts';

/** An empty store under test, disposed after each case. */
export interface RecordsHarness extends AsyncDisposable {
  readonly records: RecordStore;
  /** A store of the same kind that was not made. */
  readonly missing: RecordStore;
  /** Lets so many seconds pass. Where it is absent, what happens after the end of a lease is not tried: the shortest lasts 15 s. */
  readonly pass?: (seconds: number) => void | Promise<void>;
}

/** A lease that outlasts every case. */
const LONG_SECONDS = 60;
/** The shortest. */
const SHORT_SECONDS = 15;
/** More than one page of a listing would be too slow to write; this is more than anyone reads by eye. */
const MANY = 60;

/** The cases that an implementation of {@link RecordStore} passes; `makeHarness` gives each a fresh store. */
export function recordsConformance(makeHarness: () => Promise<RecordsHarness>): readonly ConformanceCase[] {
  return casesOf(CASES, makeHarness);
}

const signal = new AbortController().signal;

const CASES: Readonly<Record<string, (harness: RecordsHarness) => Promise<void>>> = {
  async 'a record is read as it was written'({ records }) {
    const before = Date.now();
    const etag = await records.write('jobs/a/job.json', 'ünïcödé 🙂', { metadata: { state: 'warm', files: '3' } }, signal);
    const record = await records.read('jobs/a/job.json', {}, signal);
    assert.ok(record !== undefined);
    assert.equal(record.body.toString(), 'ünïcödé 🙂');
    assert.deepEqual(record.metadata, { state: 'warm', files: '3' });
    assert.equal(record.etag, etag);
    assert.ok(Math.abs(record.modifiedAt.getTime() - before) < 60_000 || record.modifiedAt.getTime() < before, 'modifiedAt');
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    await records.write('bytes', bytes, {}, signal);
    const read = await records.read('bytes', {}, signal);
    assert.deepEqual([read?.body, read?.metadata], [bytes, {}]);
    await records.write('empty', '', {}, signal);
    assert.equal((await records.read('empty', {}, signal))?.body.length, 0);
  },

  async 'a later write replaces body, metadata and ETag'({ records }) {
    const first = await records.write('a', 'first', { metadata: { old: '1' } }, signal);
    const second = await records.write('a', 'second', { metadata: { new: '2' } }, signal);
    assert.notEqual(first, second);
    const record = await records.read('a', {}, signal);
    assert.deepEqual([record?.body.toString(), record?.metadata, record?.etag], ['second', { new: '2' }, second]);
  },

  async 'what is not there is nothing, and may be deleted'({ records }) {
    assert.equal(await records.read('a', {}, signal), undefined);
    assert.equal(await records.exists('a', signal), false);
    await records.delete('a', signal);
    await records.write('a', 'x', {}, signal);
    assert.equal(await records.exists('a', signal), true);
    await records.delete('a', signal);
    assert.equal(await records.exists('a', signal), false);
  },

  async 'of many that write a new record one succeeds'({ records }) {
    const writes = Array.from({ length: 8 }, (_, index) => records.write('a', String(index), { ifAbsent: true }, signal));
    const results = await Promise.allSettled(writes);
    const won = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    assert.equal(won.length, 1);
    assert.equal((await records.read('a', {}, signal))?.body.toString(), String(won[0]));
    for (const result of results) if (result.status === 'rejected') await fails('RECORD_EXISTS', Promise.reject(result.reason as Error));
  },

  async 'a write over another version than the named one is RECORD_CHANGED'({ records }) {
    const first = await records.write('a', '1', {}, signal);
    const second = await records.write('a', '2', { ifMatch: first }, signal);
    await fails('RECORD_CHANGED', records.write('a', '3', { ifMatch: first }, signal));
    await fails('RECORD_CHANGED', records.write('missing', '3', { ifMatch: first }, signal));
    assert.equal((await records.read('a', { ifMatch: second }, signal))?.body.toString(), '2');
    await fails('RECORD_CHANGED', records.read('a', { ifMatch: first }, signal));
    await fails('RECORD_CHANGED', records.read('missing', { ifMatch: first }, signal));
  },

  async 'a listing gives what begins with the prefix, in order, with its metadata'({ records }) {
    const names = Array.from({ length: MANY }, (_, index) => `done/job/${String(index).padStart(9, '0')}`);
    await Promise.all(names.map((name, index) => records.write(name, 'x', { metadata: { files: String(index) } }, signal)));
    const other = await records.write('done/job-2/000000000', 'x', {}, signal);
    await records.write('failed/job/000000000', 'x', {}, signal);
    const listed = await Array.fromAsync(records.list('done/job/', signal));
    assert.deepEqual(
      listed.map(({ name, metadata }) => [name, metadata]),
      names.map((name, index) => [name, { files: String(index) }]),
    );
    assert.deepEqual(
      (await Array.fromAsync(records.list('done/job/00000001', signal))).map(({ name }) => name),
      names.slice(10, 20),
    );
    const [entry] = await Array.fromAsync(records.list('done/job-2/', signal));
    assert.deepEqual([entry?.etag, entry?.metadata], [other, {}]);
    assert.equal(entry?.modifiedAt.getTime(), (await records.read('done/job-2/000000000', {}, signal))?.modifiedAt.getTime());
    assert.deepEqual(await Array.fromAsync(records.list('done/none/', signal)), []);
  },

  async 'one has the lease, until it lets go of it'({ records }) {
    await fails('RECORD_MISSING', records.lease('a', LONG_SECONDS, signal));
    const etag = await records.write('a', '1', {}, signal);
    const lease = await records.lease('a', LONG_SECONDS, signal);
    await fails('RECORD_LEASED', records.lease('a', LONG_SECONDS, signal));
    await lease.renew(signal);
    assert.equal((await records.read('a', {}, signal))?.etag, etag, 'a lease is no new version');
    await lease.release(signal);
    await lease.release(signal);
    const next = await records.lease('a', LONG_SECONDS, signal);
    assert.notEqual(next.id, lease.id);
    await fails('RECORD_LEASE_LOST', lease.renew(signal));
    await lease.release(signal);
    await fails('RECORD_LEASED', records.lease('a', LONG_SECONDS, signal), 'a lease that is lost cannot end the next one');
    await next.release(signal);
  },

  async 'only who has the lease writes or deletes'({ records }) {
    await records.write('a', '1', {}, signal);
    const lease = await records.lease('a', LONG_SECONDS, signal);
    await fails('RECORD_LEASED', records.write('a', '2', {}, signal));
    await fails(['RECORD_LEASED', 'RECORD_EXISTS'], records.write('a', '2', { ifAbsent: true }, signal));
    await fails('RECORD_LEASED', records.delete('a', signal));
    await records.write('a', '3', { leaseId: lease.id }, signal);
    assert.equal((await records.read('a', {}, signal))?.body.toString(), '3');
    await lease.renew(signal);
    await lease.release(signal);
    await fails('RECORD_LEASE_LOST', records.write('a', '4', { leaseId: lease.id }, signal));
    const next = await records.lease('a', LONG_SECONDS, signal);
    await fails('RECORD_LEASE_LOST', records.write('a', '4', { leaseId: lease.id }, signal));
    await next.release(signal);
    await records.write('a', '5', {}, signal);
    await records.delete('a', signal);
    await fails('RECORD_LEASE_LOST', next.renew(signal), 'the record is gone');
    await next.release(signal);
  },

  async 'a lease ends by itself; it may be renewed until someone else has one'({ records, pass }) {
    if (pass === undefined) return;
    await records.write('a', '1', {}, signal);
    const lease = await records.lease('a', SHORT_SECONDS, signal);
    await pass(SHORT_SECONDS + 1);
    await fails('RECORD_LEASE_LOST', records.write('a', '2', { leaseId: lease.id }, signal));
    await lease.renew(signal);
    await fails('RECORD_LEASED', records.lease('a', SHORT_SECONDS, signal));
    await pass(SHORT_SECONDS + 1);
    const next = await records.lease('a', LONG_SECONDS, signal);
    await fails('RECORD_LEASE_LOST', lease.renew(signal));
    await next.renew(signal);
  },

  async 'a lease that has ended cannot be renewed after a write'({ records, pass }) {
    if (pass === undefined) return;
    await records.write('a', '1', {}, signal);
    const lease = await records.lease('a', SHORT_SECONDS, signal);
    await pass(SHORT_SECONDS + 1);
    await records.write('a', '2', {}, signal);
    await fails('RECORD_LEASE_LOST', lease.renew(signal));
  },

  async 'a store that was not made is RECORD_MISSING, and may be made twice'({ missing }) {
    await fails('RECORD_MISSING', missing.read('a', {}, signal), 'read');
    await fails('RECORD_MISSING', missing.exists('a', signal), 'exists');
    await fails('RECORD_MISSING', missing.write('a', 'x', {}, signal), 'write');
    await fails('RECORD_MISSING', Array.fromAsync<RecordEntry>(missing.list('', signal)), 'list');
    await fails('RECORD_MISSING', missing.delete('a', signal), 'delete');
    await fails('RECORD_MISSING', missing.lease('a', LONG_SECONDS, signal), 'lease');
    await missing.create(signal);
    await missing.write('a', 'x', {}, signal);
    await missing.create(signal);
    assert.equal(await missing.exists('a', signal), true);
  },

  async 'an abort stops every method with its reason'({ records }) {
    await records.write('a', 'x', {}, signal);
    const lease = await records.lease('a', LONG_SECONDS, signal);
    await stopsAtAbort([
      (stop) => records.create(stop),
      (stop) => records.read('a', {}, stop),
      (stop) => records.exists('a', stop),
      (stop) => records.write('a', 'y', {}, stop),
      (stop) => Array.fromAsync<RecordEntry>(records.list('', stop)),
      (stop) => records.delete('a', stop),
      (stop) => records.lease('a', LONG_SECONDS, stop),
      (stop) => lease.renew(stop),
      (stop) => lease.release(stop),
    ]);
  },
};
