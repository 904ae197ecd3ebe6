import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readQueueRequest } from '../../src/testing/queue-request.ts';

const QUEUES = 'Microsoft.Storage/storageAccounts/queueServices/queues';
/** `messages/read` and `messages/delete`, or `messages/process/action`, short. */
const rights = (method: string, target: string): string[] =>
  readQueueRequest(method, target).rights.map((all) => all.map((action) => action.replace(`${QUEUES}/`, '')).join(' and '));

describe('readQueueRequest', () => {
  it.each([
    ['PUT', '/acc/jobs', ['write']],
    ['PUT', '/acc/jobs?comp=metadata', ['write']],
    ['GET', '/acc/jobs?comp=metadata', ['read']],
    ['DELETE', '/acc/jobs?timeout=5', ['delete']],
    ['POST', '/acc/jobs/messages?messagettl=-1', ['messages/add/action', 'messages/write']],
    ['GET', '/acc/jobs/messages?numofmessages=2', ['messages/process/action', 'messages/delete and messages/read']],
    ['GET', '/acc/jobs/messages?peekonly=true', ['messages/read']],
    ['DELETE', '/acc/jobs/messages', ['messages/delete']],
    ['PUT', '/acc/jobs/messages/1?popreceipt=a&visibilitytimeout=0', ['messages/write']],
    ['DELETE', '/acc/jobs/messages/1?popreceipt=a', ['messages/process/action', 'messages/delete']],
  ])('knows what %s %s takes', (method, target, expected) => {
    expect(rights(method, target)).toEqual(expected);
    const rest = target.slice('/acc/jobs'.length);
    expect(readQueueRequest(method, target)).toMatchObject({ account: 'acc', name: 'jobs', rest, isKnown: true });
  });

  it.each([
    ['GET', '/acc?comp=list'],
    ['GET', '/acc/?restype=service&comp=properties'],
    ['GET', '/acc/jobs'],
    ['GET', '/acc/jobs?comp=acl'],
    ['PUT', '/acc/jobs/messages'],
    ['GET', '/acc/jobs/messages/1'],
    ['DELETE', '/acc/jobs/messages/1/2'],
    ['DELETE', '/acc/jobs/messages/'],
    ['POST', '/acc/jobs/other'],
  ])('does not know %s %s', (method, target) => {
    expect(readQueueRequest(method, target)).toMatchObject({ rights: [], isKnown: false });
  });

  it('reads any target', () => {
    fc.assert(
      fc.property(fc.constantFrom('GET', 'PUT', 'constructor'), fc.string(), (method, text) => {
        const { path, search } = readQueueRequest(method, `/${text}`);
        expect(path + search).toBe(`/${text}`);
      }),
    );
  });
});
