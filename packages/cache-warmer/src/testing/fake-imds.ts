import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';

interface FakeEvent {
  readonly EventId: string;
  readonly EventType: string;
  readonly ResourceType: 'VirtualMachine';
  readonly Resources: readonly string[];
  readonly EventStatus: 'Scheduled';
  readonly NotBefore: string;
}

/** The metadata service of a virtual machine on loopback, as far as scheduled events go. */
export class FakeImds implements AsyncDisposable {
  /** To be given in place of the service's. */
  readonly base: string;
  /** `METHOD path` of each request. */
  readonly requests: string[] = [];
  /** Answers with this status, if any. */
  failWith: number | undefined;
  readonly #server: Server;
  readonly #events: FakeEvent[] = [];

  private constructor(server: Server, base: string) {
    this.#server = server;
    this.base = base;
  }

  /** @param name of the machine that asks. */
  static async start(name: string): Promise<FakeImds> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const imds = new FakeImds(server, `http://127.0.0.1:${port}`);
    server.on('request', (request, response) => {
      const { status, body } = imds.#answer(name, request);
      response.writeHead(status).end(body);
    });
    return imds;
  }

  /** Gives notice that a machine is taken away. */
  preempt(name: string): void {
    this.schedule('Preempt', [name]);
  }

  /** Announces an event, such as `Reboot`, of machines. */
  schedule(type: string, names: readonly string[]): void {
    this.#events.push({
      EventId: `event-${this.#events.length + 1}`,
      EventType: type,
      ResourceType: 'VirtualMachine',
      Resources: names,
      EventStatus: 'Scheduled',
      NotBefore: 'Mon, 19 Sep 2026 18:29:47 GMT',
    });
  }

  #answer(name: string, { method = '', url = '', headers }: IncomingMessage): { status: number; body: string } {
    this.requests.push(`${method} ${url}`);
    if (this.failWith !== undefined) return { status: this.failWith, body: 'failed' };
    if (headers['metadata'] !== 'true') return { status: 400, body: 'Bad request. Required metadata header not specified' };
    if (method !== 'GET') return { status: 405, body: '' };
    if (url === '/metadata/instance/compute/name?api-version=2021-02-01&format=text') return { status: 200, body: name };
    if (url !== '/metadata/scheduledevents?api-version=2020-07-01') return { status: 404, body: '' };
    return { status: 200, body: JSON.stringify({ DocumentIncarnation: this.#events.length, Events: this.#events }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
