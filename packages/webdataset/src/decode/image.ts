export type { ImageShape } from './image/image-value.ts';
