import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { buffer } from 'node:stream/consumers';

/** One request over HTTPS that trusts the given certificate. */
export async function httpsRequest(
  url: string,
  options: RequestOptions,
  body: string | Uint8Array = '',
): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: string }> {
  const sent = request(url, options);
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: (await buffer(answer)).toString('utf8') };
}
