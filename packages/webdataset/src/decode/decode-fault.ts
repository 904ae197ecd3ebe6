/** The bytes of a field are not what its decoder reads; the message says why. Whoever knows the shard and the key adds them. */
export class DecodeFault extends Error {
  override readonly name = 'DecodeFault';
}
