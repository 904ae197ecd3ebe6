import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate, type Certificate } from '../../src/testing/certificate.ts';
import type { HttpHandler } from '../../src/testing/http.ts';
import { handlersByPrefix, listenerOf, startHttpsServer } from '../../src/testing/https-server.ts';
import { httpsRequest } from './https-request.ts';

const echo: HttpHandler = (request) => Promise.resolve({ status: 201, headers: { 'x-answer': 'yes' }, body: JSON.stringify(request) });

describe('https server', () => {
  let certificate: Certificate;
  beforeAll(async () => {
    certificate = await makeCertificate();
  });
  afterAll(() => certificate[Symbol.asyncDispose]());

  it('hands whole requests to its handler', async () => {
    await using server = await startHttpsServer({ certificate, listener: listenerOf(echo) });
    const url = `${server.url}/a%20b?api-version=1`;
    const answer = await httpsRequest(url, { method: 'PUT', ca: certificate.cert, headers: { 'X-Name': 'value' } }, 'bödy');
    expect(answer).toMatchObject({ status: 201, headers: { 'x-answer': 'yes' } });
    expect(JSON.parse(answer.body)).toMatchObject({ method: 'PUT', url, headers: { 'x-name': 'value' }, body: 'bödy' });
  });

  it('is reached as localhost too, and by nobody who does not trust its certificate', async () => {
    await using server = await startHttpsServer({ certificate, listener: listenerOf(echo) });
    expect((await httpsRequest(`https://localhost:${server.port}/`, { ca: certificate.cert, family: 4 })).status).toBe(201);
    await expect(httpsRequest(server.url, {})).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it('refuses a body that no service takes', async () => {
    await using server = await startHttpsServer({ certificate, listener: listenerOf(echo) });
    const sent = httpsRequest(server.url, { method: 'PUT', ca: certificate.cert }, Buffer.alloc(9 * 1024 * 1024));
    expect((await sent).status).toBe(413);
  });

  it('cuts its connections when it is disposed of, also those that have not even begun to speak', async () => {
    const arrived = Promise.withResolvers<undefined>();
    const server = await startHttpsServer({ certificate, listener: () => arrived.resolve(undefined) });
    const silent = connect(server.port, '127.0.0.1');
    await once(silent, 'connect');
    const cut = httpsRequest(server.url, { ca: certificate.cert });
    await arrived.promise;
    const closed = new Promise((resolve) =>
      silent
        .on('error', () => undefined)
        .once('close', resolve)
        .resume(),
    );
    await Promise.all([expect(cut).rejects.toMatchObject({ code: 'ECONNRESET' }), closed, server[Symbol.asyncDispose]()]);
  });

  it('says that a port is taken', async () => {
    await using server = await startHttpsServer({ certificate, listener: listenerOf(echo) });
    await expect(startHttpsServer({ certificate, listener: listenerOf(echo), port: server.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it('drops a request whose handler fails', async () => {
    await using server = await startHttpsServer({ certificate, listener: listenerOf(() => Promise.reject(new Error('broken'))) });
    await expect(httpsRequest(server.url, { ca: certificate.cert })).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('handlersByPrefix', () => {
  const named =
    (body: string): HttpHandler =>
    () =>
      Promise.resolve({ status: 200, headers: {}, body });
  const request = { method: 'GET', headers: {}, body: '' };

  it('takes the longest prefix', async () => {
    const handler = handlersByPrefix({ '/': named('rest'), '/a': named('a'), '/a/b': named('ab') });
    expect((await handler({ ...request, url: 'https://h/a/b/c?x=/' })).body).toBe('ab');
    expect((await handler({ ...request, url: 'https://h/a/c' })).body).toBe('a');
    expect((await handler({ ...request, url: 'https://h/?/a' })).body).toBe('rest');
  });

  it('answers 404 where there is none', async () => {
    expect((await handlersByPrefix({ '/a': named('a') })({ ...request, url: 'https://h/b' })).status).toBe(404);
  });
});

describe('certificate', () => {
  it('has files, of which the key is the owner’s alone, until it is disposed of', async () => {
    const certificate = await makeCertificate();
    expect((await stat(certificate.keyFile)).mode & 0o777).toBe(0o600);
    expect(existsSync(certificate.certificateFile)).toBe(true);
    await certificate[Symbol.asyncDispose]();
    expect([existsSync(certificate.keyFile), existsSync(certificate.certificateFile)]).toEqual([false, false]);
  });
});
