/** A value of JSON. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** A resource as Azure Resource Manager returns it. */
export interface ArmResource {
  readonly id: string;
  /** Such as `Microsoft.Compute/virtualMachines`. */
  readonly type: string;
  readonly name: string;
  readonly location?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly sku?: { readonly name?: string; readonly capacity?: number };
  readonly identity?: { readonly principalId?: string };
  readonly properties?: JsonObject;
}
