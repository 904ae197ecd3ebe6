import type { FieldName } from '../src/sample.ts';

/** A rule of names for tests, loaded as a module: the key ends at the last dot. */
export default function splitAtLastDot(memberName: string): FieldName | undefined {
  const dot = memberName.lastIndexOf('.');
  return dot < 0 ? undefined : { key: memberName.slice(0, dot), field: memberName.slice(dot + 1) };
}
