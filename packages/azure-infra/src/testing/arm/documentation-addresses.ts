/** Addresses of the range for documentation, 203.0.113.0/24, which are nobody's: for each name one, always the same. */
export function documentationAddresses(): (name: string) => string {
  const given = new Map<string, string>();
  return (name) => {
    const address = given.get(name) ?? `203.0.113.${10 + given.size}`;
    given.set(name, address);
    return address;
  };
}
