import { MetricRegistry, type Counter, type Histogram, type Sample } from '@warpforge/metrics';
import type { SourceStats } from '../data/loader-source.ts';
import type { Evaluation } from '../training/evaluate.ts';
import type { TrainingObserver } from '../training/observer.ts';
import type { StepMeasure, WindowSummary } from '../training/window.ts';

/** Seconds; from a batch that lies ready to one that waits for a cold region, and from a small network to a large one. */
const STEP_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** All metrics of a training, moved by what it reports. */
export class TrainingMetrics implements TrainingObserver {
  readonly registry = new MetricRegistry();
  readonly #steps: Counter<never>;
  readonly #images: Counter<never>;
  readonly #data: Histogram<never>;
  readonly #compute: Histogram<never>;
  #loss: number | undefined;
  #imagesPerSec: number | undefined;
  #accuracy: number | undefined;

  #stats: () => SourceStats | undefined = () => undefined;

  constructor() {
    const { registry } = this;
    registry.observeProcess();
    this.#steps = registry.counter({ name: 'warpforge_train_steps_total', help: 'Optimizer steps done by this process.' });
    this.#images = registry.counter({ name: 'warpforge_train_images_total', help: 'Images trained on by this process.' });
    const seconds = (name: string, help: string): Histogram<never> => registry.histogram({ name, help, buckets: STEP_BUCKETS });
    this.#data = seconds('warpforge_train_data_seconds', 'Time that a step waited for its batch.');
    this.#compute = seconds('warpforge_train_compute_seconds', 'Time of forward pass, backward pass and optimizer of a step.');

    const gauge = (name: string, help: string, read: () => number | undefined): void =>
      registry.observedGauge({ name, help }, () => sampleOf(read()));
    gauge('warpforge_train_loss', 'Mean cross entropy over the images of the last step, before it.', () => this.#loss);
    gauge('warpforge_train_images_per_second', 'Images a second of the last window of log_every steps.', () => this.#imagesPerSec);
    gauge('warpforge_train_accuracy', 'Part of the test images that the last evaluation got right, 0 to 1.', () => this.#accuracy);
    this.#observeLoader(() => this.#stats());
  }

  onOpen(stats: () => SourceStats): void {
    this.#stats = stats;
  }

  onStep(_step: number, { images, dataMs, computeMs, loss }: StepMeasure): void {
    this.#steps.add({});
    this.#images.add({}, images);
    this.#data.observe({}, dataMs / 1000);
    this.#compute.observe({}, computeMs / 1000);
    this.#loss = loss;
  }

  onWindow(_step: number, { imagesPerSec }: WindowSummary): void {
    this.#imagesPerSec = imagesPerSec;
  }

  onEvaluation(_step: number, { accuracy }: Evaluation): void {
    this.#accuracy = accuracy;
  }

  #observeLoader(stats: () => SourceStats | undefined): void {
    const { registry } = this;
    registry.observedCounter(
      { name: 'warpforge_train_bytes_read_total', help: 'Bytes of shards read below a root.', labels: ['root'] },
      () => stats()?.bytesByRoot.map(({ root, bytes }) => ({ labels: { root }, value: bytes })) ?? [],
    );
    registry.observedCounter(
      { name: 'warpforge_train_skipped_total', help: 'Damaged samples, and rests of damaged shards, that were left out.' },
      () => sampleOf(stats()?.skipped),
    );
    const stages = (read: (stage: SourceStats['stages'][number]) => number): Sample<'stage'>[] =>
      stats()?.stages.map((stage) => ({ labels: { stage: stage.name }, value: read(stage) })) ?? [];
    const time = (name: string, help: string, read: (stage: SourceStats['stages'][number]) => number): void =>
      registry.observedCounter({ name, help, labels: ['stage'] }, () => stages((stage) => read(stage) / 1000));
    time(
      'warpforge_train_loader_busy_seconds_total',
      'Time that the threads of a stage of the loader have worked.',
      ({ busyMs }) => busyMs,
    );
    time('warpforge_train_loader_starved_seconds_total', 'Time that a stage waited for the one before it.', ({ starvedMs }) => starvedMs);
    time('warpforge_train_loader_blocked_seconds_total', 'Time that a stage waited for the one after it.', ({ blockedMs }) => blockedMs);
    registry.observedGauge(
      { name: 'warpforge_train_loader_queue', help: 'What lies finished behind a stage now.', labels: ['stage'] },
      () => stages(({ queued }) => queued),
    );
  }
}

function sampleOf(value: number | undefined): Sample<never>[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}
