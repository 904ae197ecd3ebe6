import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBlobRequest } from '../../src/testing/blob-request.ts';

const CONTAINERS = 'Microsoft.Storage/storageAccounts/blobServices/containers';

describe('readBlobRequest', () => {
  it.each([
    ['GET', '/acc/con/a/b%2Fc%20d?snapshot=1', 'acc', 'con', '/a/b%2Fc%20d?snapshot=1', 'blobs/read'],
    ['HEAD', '/acc/con/a', 'acc', 'con', '/a', 'blobs/read'],
    ['PUT', '/acc/con//odd//name/', 'acc', 'con', '//odd//name/', 'blobs/write'],
    ['PUT', '/acc/con/a?comp=block&blockid=QQ%3D%3D', 'acc', 'con', '/a?comp=block&blockid=QQ%3D%3D', 'blobs/write'],
    ['DELETE', '/acc/con/a', 'acc', 'con', '/a', 'blobs/delete'],
    ['GET', '/acc/con?restype=container&comp=list', 'acc', 'con', '?restype=container&comp=list', 'blobs/read'],
    ['GET', '/acc/con/a?comp=tags', 'acc', 'con', '/a?comp=tags', 'blobs/tags/read'],
    ['PUT', '/acc/con?restype=container', 'acc', 'con', '?restype=container', 'blobs/write'],
    ['DELETE', '/acc/con?restype=container', 'acc', 'con', '?restype=container', 'blobs/delete'],
    ['HEAD', '/acc/con?restype=container', 'acc', 'con', '?restype=container', 'blobs/read'],
  ])('knows what %s %s takes', (method, target, account, container, rest, action) => {
    expect(readBlobRequest(method, target)).toMatchObject({ account, container, rest, action: `${CONTAINERS}/${action}` });
  });

  it.each([
    ['GET', '/acc/?comp=list'],
    ['GET', '/acc?restype=service&comp=properties'],
    ['GET', '/acc/con'],
    ['DELETE', '/acc/con'],
    ['GET', '/acc/con?restype=container&comp=acl'],
    ['POST', '/acc/con/a?comp=query'],
    ['PATCH', '/acc/con/a'],
    ['GET', '/'],
    ['GET', ''],
  ])('has no action for %s %s', (method, target) => expect(readBlobRequest(method, target).action).toBeUndefined());

  it('says which requests ask for a list', () => {
    expect(readBlobRequest('GET', '/acc/con?comp=list&restype=container').isListing).toBe(true);
    expect(readBlobRequest('GET', '/acc/con/a?comp=list&restype=container').isListing).toBe(false);
    expect(readBlobRequest('GET', '/acc/con?restype=container').isListing).toBe(false);
  });

  it('leaves the path of a blob as it is', () => {
    const text = fc.stringMatching(/^[ab/%2F~._:@&=+-]+$/);
    fc.assert(
      fc.property(text, text, (blob, query) => {
        const { account, container, rest, path } = readBlobRequest('GET', `/acc/con/${blob}?${query}`);
        expect([account, container, rest, path]).toEqual(['acc', 'con', `/${blob}?${query}`, `/acc/con/${blob}`]);
      }),
    );
  });
});
