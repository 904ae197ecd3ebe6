/** Something that can be made readable under a local path. */
export type MountSource =
  /** A directory that a host exports over NFS. */
  | { readonly kind: 'nfs'; readonly host: string; readonly exportPath: string }
  /** A directory that is there already. */
  | { readonly kind: 'directory'; readonly path: string }
  /** A backend of the Warpforge daemon. */
  | { readonly kind: 'backend'; readonly backend: string };

/** Disposing unmounts what was mounted for it. */
export interface Mount extends AsyncDisposable {
  /** Absolute local path. */
  readonly path: string;
}

/** Makes sources readable under local paths. */
export interface Mounter {
  /** At an abort it rejects soon, also where a server does not answer. @throws {MountError} with the reason; nothing stays mounted then. */
  mount(source: MountSource, signal: AbortSignal): Promise<Mount>;
}
