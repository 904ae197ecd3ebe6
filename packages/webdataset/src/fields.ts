/** Fields that hold an image, the preferred first: what `probeImage` looks for. */
export const IMAGE_FIELDS = ['jpg', 'jpeg', 'png', 'webp'] as const;

/** Fields that hold an integer, as Python webdataset decodes them; the preferred first. */
export const LABEL_FIELDS = ['cls', 'cls2', 'index', 'inx', 'id'] as const;

/** The first of `names` that a sample has. */
export function firstField<Member>(fields: ReadonlyMap<string, Member>, names: readonly string[]): Member | undefined {
  for (const name of names) {
    const member = fields.get(name);
    if (member !== undefined) return member;
  }
  return undefined;
}
