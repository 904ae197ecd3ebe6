/** A file of a job, as it was when the manager walked the target. */
export interface ManifestFile {
  /** Below the target, without a leading slash. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** Modification time in milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** The work of one message: a range of one large file, or a group of small ones. */
export interface ManifestItem {
  /** At least one; exactly one where there is a range. */
  readonly files: readonly ManifestFile[];
  /** Bytes `start` to `end` (exclusive) of the file; absent: all of every file. */
  readonly range?: { readonly start: number; readonly end: number };
  /** Index of the only address through which it is read; absent: any one of them. */
  readonly address?: number;
}

/** A run of consecutive items, kept as one record. */
export interface ManifestPage {
  /** Number of its first item in the job, from 0. */
  readonly first: number;
  readonly items: readonly ManifestItem[];
}

/** How many files the filters left out. */
export interface SkippedFiles {
  /** Matched no inclusion pattern. */
  readonly inclusion: number;
  /** Matched an exclusion pattern. */
  readonly exclusion: number;
  /** Larger than the job's limit. */
  readonly size: number;
  /** Symbolic links that lead to files of the target itself, which are warmed under their own names, or to nowhere. */
  readonly links: number;
  /** Sockets, pipes and devices. */
  readonly special: number;
}

/** A path that could not be warmed. */
export interface FileFailure {
  /** Below the target; a directory's ends with a slash. */
  readonly path: string;
  /** A sentence. */
  readonly reason: string;
  /** The range that was not read, when it is not the whole file. */
  readonly range?: { readonly start: number; readonly end: number };
}

/** Where a page is, and which version of it. */
export interface PageReference {
  readonly etag: string;
  readonly first: number;
  readonly items: number;
}

/** The whole of a job's work. It is written once, when all pages are. */
export interface Manifest {
  /** Of the walk that made the pages; part of their names. */
  readonly walk: string;
  readonly pages: readonly PageReference[];
  readonly items: number;
  /** Each counted once. */
  readonly files: number;
  /** Through every address where the job asks for that. */
  readonly bytes: number;
  readonly skipped: SkippedFiles;
  /** Directories that could not be read, and the like: the first 10,000. */
  readonly unreadable: readonly FileFailure[];
  /** How many there are in all. */
  readonly unreadableCount: number;
}
