import type { JobReport } from './report/job-report.ts';

/** What managers and workers tell while they work; given to the hook `onEvent`. */
export type CacheWarmerEvent =
  | { readonly kind: 'job-taken'; readonly job: string; readonly resumed: boolean }
  | { readonly kind: 'job-walking'; readonly job: string; readonly files: number; readonly bytes: number }
  | { readonly kind: 'job-queued'; readonly job: string; readonly items: number; readonly files: number; readonly bytes: number }
  | { readonly kind: 'job-progress'; readonly job: string; readonly doneItems: number; readonly items: number; readonly bytes: number }
  | { readonly kind: 'job-ended'; readonly job: string; readonly report: JobReport }
  | { readonly kind: 'message-poisoned'; readonly queue: string; readonly id: string; readonly reason: string }
  | { readonly kind: 'instances'; readonly live: number; readonly wanted: number }
  | { readonly kind: 'item-started'; readonly job: string; readonly item: number }
  | { readonly kind: 'item-done'; readonly job: string; readonly item: number; readonly files: number; readonly bytes: number }
  | { readonly kind: 'item-failed'; readonly job: string; readonly item: number; readonly failures: number; readonly reason: string }
  | { readonly kind: 'item-handed-back'; readonly job: string; readonly item: number; readonly why: string }
  | { readonly kind: 'lease-lost'; readonly job: string; readonly item: number }
  | { readonly kind: 'bytes-read'; readonly address: string; readonly bytes: number; readonly files: number }
  | { readonly kind: 'file-retried'; readonly path: string; readonly address: string; readonly reason: string }
  | { readonly kind: 'preempted'; readonly why: string }
  /** Something failed that is tried again later. */
  | { readonly kind: 'trouble'; readonly what: string; readonly error: unknown };

/** Told of every event; must not throw. */
export type OnEvent = (event: CacheWarmerEvent) => void;
