import { basename } from 'node:path';
import { NODE_VERSION } from '../machine/vm-setup.ts';
import { ownTarballs, type OwnTarballs } from './own-tarballs.ts';

/** What machines without a registry are to install, and where it comes from. */
export interface BootstrapSource {
  /** Of the programs. */
  readonly version: string;
  /** Processors of the machines. */
  readonly arch: 'x64' | 'arm64';
  /** Tarballs to take this product's packages from; undefined: the npm registry. */
  readonly own: OwnTarballs | undefined;
  /** What the tarballs of the result will be called: that of the programs, and that of Node. */
  readonly names: readonly [string, string];
}

/**
 * Says what will be made.
 *
 * @param options `packages`: folder with this product's packages, as `npm pack` makes them.
 * @throws {BootstrapError} `BOOTSTRAP_PACKAGES`.
 */
export async function bootstrapSource({
  version,
  arch,
  packages,
}: Pick<BootstrapSource, 'version' | 'arch'> & { readonly packages?: string | undefined }): Promise<BootstrapSource> {
  const node = `node-linux-${arch}-${NODE_VERSION}.tgz`;
  const own = packages === undefined ? undefined : await ownTarballs(packages, node);
  const program = basename(own?.byName.get('@warpforge/infra') ?? `warpforge-infra-${version}.tgz`);
  return { version, arch, own, names: [program, node] };
}
