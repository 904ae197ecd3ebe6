import { ATTRIBUTE_TYPE, ELEMENT_TYPE, encodeModel } from './proto.ts';
import type { AttributeProto, GraphProto, ValueInfoProto } from './proto.ts';

export type ElementType = keyof typeof ELEMENT_TYPE;

/** A size, or the name of a size that is only known when the graph runs. */
export type Dimension = number | string;
export type Shape = readonly Dimension[];

/** Values of an attribute. A number is written as ONNX's `int`; wrap it in `float()` for a `float`. */
export type Attribute = number | string | readonly number[] | FloatAttribute;

interface FloatAttribute {
  readonly float: number;
}

/** Marks an attribute as ONNX's `float`: in JavaScript 1 and 1.0 are the same number, in ONNX they are not the same type. */
export function float(value: number): FloatAttribute {
  return { float: value };
}

/** One edge of the graph: the result of a node, an input or a constant. The operators of `operators.ts` take and return these. */
export class Value {
  readonly graph: GraphBuilder;
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;

  constructor(graph: GraphBuilder, name: string, type: ElementType, shape: Shape) {
    this.graph = graph;
    this.name = name;
    this.type = type;
    this.shape = shape;
  }

  /** Size of dimension `axis` (negative counts from the end). Throws where it is only known at run time. */
  size(axis: number): number {
    const dimension = this.shape.at(axis);
    if (typeof dimension !== 'number') throw new Error(`dimension ${axis} of ${this.name} [${this.shape.join(', ')}] is not a fixed size`);
    return dimension;
  }

  /** How many elements it has. Throws where a dimension is only known at run time. */
  get elements(): number {
    return this.shape.reduce<number>((product, _, axis) => product * this.size(axis), 1);
  }
}

type ConstantData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/**
 * Operator set and file version written: old enough for every ONNX Runtime since 1.16 (2023) and complete enough for this program.
 */
const OPSET_VERSION = 17;
const IR_VERSION = 8;

/** Collects the nodes of one ONNX graph, in the order in which they can be run. */
export class GraphBuilder {
  readonly #graph: GraphProto;
  readonly #scalars = new Map<number, Value>();
  #names = 0;

  constructor(name: string) {
    this.#graph = { name, node: [], initializer: [], input: [], output: [] };
  }

  /** A value that the caller of the graph gives by `name`. */
  input(name: string, type: ElementType, shape: Shape): Value {
    this.#graph.input.push(valueInfo(name, type, shape));
    return new Value(this, name, type, shape);
  }

  /** Makes `value` a result of the graph under `name`. */
  output(name: string, value: Value): void {
    this.#graph.node.push({ opType: 'Identity', name, input: [value.name], output: [name], attribute: [] });
    this.#graph.output.push(valueInfo(name, value.type, value.shape));
  }

  /** A constant tensor, stored in the graph. */
  constant(data: ConstantData, shape: readonly number[], name = this.#newName('constant')): Value {
    const type = elementType(data);
    this.#graph.initializer.push({
      name,
      dataType: ELEMENT_TYPE[type],
      dims: [...shape],
      rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    });
    return new Value(this, name, type, shape);
  }

  /** A float32 constant without dimensions. The same number is stored once. */
  scalar(value: number): Value {
    let constant = this.#scalars.get(value);
    if (constant === undefined) {
      constant = this.constant(Float32Array.of(value), []);
      this.#scalars.set(value, constant);
    }
    return constant;
  }

  /** A list of int64, as the shape, axes and split arguments of operators want it. */
  integers(values: readonly number[]): Value {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** Adds a node with one result. */
  node(opType: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>>, type: ElementType, shape: Shape): Value {
    const [value] = this.nodes(opType, inputs, attributes, type, [shape]);
    if (value === undefined) throw new Error('a node has at least one result');
    return value;
  }

  /** Adds a node with a result for each of `shapes`. */
  nodes(
    opType: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>>,
    type: ElementType,
    shapes: readonly Shape[],
  ): Value[] {
    const foreign = inputs.find((input) => input.graph !== this);
    if (foreign) throw new Error(`${opType}: the input ${foreign.name} belongs to another graph`);
    const values = shapes.map((shape) => new Value(this, this.#newName(opType), type, shape));
    this.#graph.node.push({
      opType,
      name: values[0]?.name ?? opType,
      input: inputs.map((input) => input.name),
      output: values.map((value) => value.name),
      attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
    });
    return values;
  }

  /** The finished model. `metadata` is stored beside the graph as text. */
  build(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    return encodeModel({
      irVersion: IR_VERSION,
      producerName: 'warpforge-train',
      opsetImport: [{ domain: '', version: OPSET_VERSION }],
      graph: this.#graph,
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    });
  }

  #newName(kind: string): string {
    return `${kind}_${this.#names++}`;
  }
}

function valueInfo(name: string, type: ElementType, shape: Shape): ValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPE[type], shape: { dim } } } };
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number') return { name, type: ATTRIBUTE_TYPE.int, i: value };
  if (typeof value === 'string') return { name, type: ATTRIBUTE_TYPE.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: ATTRIBUTE_TYPE.float, f: value.float };
  return { name, type: ATTRIBUTE_TYPE.ints, ints: [...value] };
}

function elementType(data: ConstantData): ElementType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof BigInt64Array) return 'int64';
  return 'uint8';
}
