/**
 * A plugin of TypeDoc for the API reference: its index lists names by what they are for, which their files tell; and a parameter that is
 * taken apart where it is declared is called after its type.
 */
import { Comment, CommentTag, Converter, ReferenceType, ReflectionKind } from 'typedoc';

/** Categories by the path in `src`, the first match counts. */
const CATEGORIES = [
  [/^(stages\/)/, 'Stages'],
  [/^(loader|loader\/.*|probe-image)\.ts$/, 'Loader'],
  [/^(decode\/|fields\.ts)/, 'Decoders'],
  [/^(samples?|lazy-sample|sample-decoder)\.ts$/, 'Samples'],
  [/^(source\/|resolve-shards|find-shards|shard-spec)/, 'Shards'],
  [/^(shard-index\/|shard-reader)/, 'Index and random access'],
  [/^(shard-writer|encode\/)/, 'Writer'],
  [/^order\//, 'Order'],
  [/^tar\//, 'Tar'],
  [/^(errors|failure-policy|skipped)\.ts$/, 'Failures'],
];

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const declaration of project.children ?? []) {
      const file = project.getSymbolIdFromReflection(declaration)?.fileName.replace(/^.*\/src\//, '') ?? '';
      const category = CATEGORIES.find(([pattern]) => pattern.test(file))?.[1];
      if (category === undefined) throw new Error(`typedoc-names.mjs has no category for ${file}`);
      // The comment of a function is that of its signatures.
      const described = declaration.signatures?.[0] ?? declaration;
      described.comment ??= new Comment();
      described.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: category }]));
    }
  });
  // At the end, as TypeDoc itself calls those after their `@param` before.
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
      if (parameter.name !== '__namedParameters' || !(parameter.type instanceof ReferenceType)) continue;
      const { name } = parameter.type;
      parameter.name = name.charAt(0).toLowerCase() + name.slice(1);
    }
  });
}
