/**
 * @file The part of the ONNX file format that we write (onnx/onnx.proto3): plain records in, protobuf bytes out.
 */
import { PbfWriter } from "pbf";

/** TensorProto.DataType */
export const DATA_TYPES = { float32: 1, int32: 6, int64: 7, float16: 10, bfloat16: 16 } as const;
export type OnnxType = keyof typeof DATA_TYPES;

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  /** Undefined: not even the number of axes is declared. */
  readonly shape: readonly number[] | undefined;
}

/** An initializer: either with its bytes, or with the place in a file where they are (external data). */
export interface OnnxInitializer extends OnnxValue {
  readonly shape: readonly number[];
  readonly bytes?: Uint8Array;
  readonly external?: { readonly location: string; readonly offset: number; readonly length: number };
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string }
  | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export const ONNX_OPSET = 20;
/** ONNX Runtime's own operators (contrib ops). */
export const MICROSOFT = "com.microsoft";

/** Serializes a ModelProto. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, 9); // ir_version of ONNX 1.15
  pbf.writeStringField(2, "keepsake");
  pbf.writeMessage(7, writeGraph, graph);
  for (const [domain, version] of [
    ["", ONNX_OPSET],
    [MICROSOFT, 1],
  ] as const) {
    pbf.writeMessage(
      8,
      (opset: { domain: string; version: number }, out: PbfWriter) => {
        out.writeStringField(1, opset.domain);
        out.writeVarintField(2, opset.version);
      },
      { domain, version },
    );
  }
  return pbf.finish();
}

function writeGraph(graph: OnnxGraph, pbf: PbfWriter): void {
  for (const node of graph.nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, graph.name);
  for (const initializer of graph.initializers) pbf.writeMessage(5, writeInitializer, initializer);
  for (const value of graph.inputs) pbf.writeMessage(11, writeValueInfo, value);
  for (const value of graph.outputs) pbf.writeMessage(12, writeValueInfo, value);
}

function writeNode(node: OnnxNode, pbf: PbfWriter): void {
  for (const name of node.inputs) pbf.writeStringField(1, name);
  for (const name of node.outputs) pbf.writeStringField(2, name);
  pbf.writeStringField(4, node.opType);
  for (const entry of Object.entries(node.attributes)) pbf.writeMessage(5, writeAttribute, entry);
  if (node.domain !== "") pbf.writeStringField(7, node.domain);
}

/** AttributeProto.AttributeType: FLOAT 1, INT 2, STRING 3, GRAPH 5, INTS 7. */
function writeAttribute([name, value]: [string, OnnxAttribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  if ("float" in value) {
    pbf.writeFloatField(2, value.float);
    pbf.writeVarintField(20, 1);
  } else if ("int" in value) {
    pbf.writeVarintField(3, value.int);
    pbf.writeVarintField(20, 2);
  } else if ("string" in value) {
    pbf.writeBytesField(4, new TextEncoder().encode(value.string));
    pbf.writeVarintField(20, 3);
  } else if ("graph" in value) {
    pbf.writeMessage(6, writeGraph, value.graph);
    pbf.writeVarintField(20, 5);
  } else {
    for (const item of value.ints) pbf.writeVarintField(8, item);
    pbf.writeVarintField(20, 7);
  }
}

function writeInitializer(tensor: OnnxInitializer, pbf: PbfWriter): void {
  for (const extent of tensor.shape) pbf.writeVarintField(1, extent);
  pbf.writeVarintField(2, DATA_TYPES[tensor.type]);
  pbf.writeStringField(8, tensor.name);
  if (tensor.bytes !== undefined) pbf.writeBytesField(9, tensor.bytes);
  if (tensor.external !== undefined) {
    for (const entry of Object.entries(tensor.external)) {
      pbf.writeMessage(
        13,
        ([key, value]: [string, string | number], out: PbfWriter) => {
          out.writeStringField(1, key);
          out.writeStringField(2, String(value));
        },
        entry,
      );
    }
    pbf.writeVarintField(14, 1); // data_location EXTERNAL
  }
}

function writeValueInfo(value: OnnxValue, pbf: PbfWriter): void {
  pbf.writeStringField(1, value.name);
  pbf.writeMessage(
    2,
    (typed: OnnxValue, type: PbfWriter) => {
      type.writeMessage(
        1,
        (tensor: OnnxValue, body: PbfWriter) => {
          body.writeVarintField(1, DATA_TYPES[tensor.type]);
          if (tensor.shape !== undefined) body.writeMessage(2, writeShape, tensor.shape);
        },
        typed,
      );
    },
    value,
  );
}

function writeShape(extents: readonly number[], pbf: PbfWriter): void {
  for (const extent of extents) {
    pbf.writeMessage(
      1,
      (dimension: number, dim: PbfWriter) => {
        dim.writeVarintField(1, dimension);
      },
      extent,
    );
  }
}
