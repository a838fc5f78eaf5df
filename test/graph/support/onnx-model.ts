/**
 * @file Reads back the part of the ONNX file format that emission writes (onnx/onnx.proto3).
 */
import { PbfReader } from "pbf";

export interface ReadInitializer {
  name: string;
  dataType: number;
  shape: number[];
  /** Bytes inside the model. */
  rawLength: number;
  /** Keys and values of external data. */
  external: Record<string, string>;
}

export interface ReadNode {
  opType: string;
  domain: string;
  inputs: string[];
  outputs: string[];
}

export interface ReadInput {
  name: string;
  /** Undefined: none is declared. */
  shape: number[] | undefined;
}

export interface ReadModel {
  nodes: ReadNode[];
  initializers: ReadInitializer[];
  inputs: ReadInput[];
  outputs: string[];
}

export function readModel(bytes: Uint8Array): ReadModel {
  const model: ReadModel = { nodes: [], initializers: [], inputs: [], outputs: [] };
  new PbfReader(bytes).readFields((tag, result, pbf) => {
    if (tag === 7) pbf.readMessage(readGraph, result);
  }, model);
  return model;
}

function readGraph(tag: number, model: ReadModel, pbf: PbfReader): void {
  if (tag === 1) model.nodes.push(pbf.readMessage(readNode, { opType: "", domain: "", inputs: [], outputs: [] }));
  if (tag === 5) {
    const empty: ReadInitializer = { name: "", dataType: 0, shape: [], rawLength: 0, external: {} };
    model.initializers.push(pbf.readMessage(readInitializer, empty));
  }
  if (tag === 11) model.inputs.push(readInput(pbf));
  if (tag === 12) model.outputs.push(readName(pbf));
}

function readNode(tag: number, node: ReadNode, pbf: PbfReader): void {
  if (tag === 1) node.inputs.push(pbf.readString());
  if (tag === 2) node.outputs.push(pbf.readString());
  if (tag === 4) node.opType = pbf.readString();
  if (tag === 7) node.domain = pbf.readString();
}

function readInitializer(tag: number, initializer: ReadInitializer, pbf: PbfReader): void {
  if (tag === 1) initializer.shape.push(pbf.readVarint());
  if (tag === 2) initializer.dataType = pbf.readVarint();
  if (tag === 8) initializer.name = pbf.readString();
  if (tag === 9) initializer.rawLength = pbf.readBytes().length;
  if (tag === 13) {
    const { key, value } = pbf.readMessage(
      (field, entry, inner) => {
        if (field === 1) entry.key = inner.readString();
        if (field === 2) entry.value = inner.readString();
      },
      { key: "", value: "" },
    );
    initializer.external[key] = value;
  }
}

/** A ValueInfoProto, whose type is a tensor's. */
function readInput(pbf: PbfReader): ReadInput {
  const empty: ReadInput = { name: "", shape: undefined };
  return pbf.readMessage((tag, value, body) => {
    if (tag === 1) value.name = body.readString();
    if (tag === 2) body.readMessage(readType, value);
  }, empty);
}

function readType(tag: number, value: ReadInput, pbf: PbfReader): void {
  if (tag === 1) pbf.readMessage(readTensorType, value);
}

function readTensorType(tag: number, value: ReadInput, pbf: PbfReader): void {
  if (tag === 2) value.shape = pbf.readMessage(readShape, []);
}

function readShape(tag: number, extents: number[], pbf: PbfReader): void {
  if (tag !== 1) return;
  const readExtent = (field: number, dimension: { extent: number }, inner: PbfReader) => {
    if (field === 1) dimension.extent = inner.readVarint();
  };
  extents.push(pbf.readMessage(readExtent, { extent: 0 }).extent);
}

function readName(pbf: PbfReader): string {
  return pbf.readMessage(
    (tag, result, inner) => {
      if (tag === 1) result.name = inner.readString();
    },
    { name: "" },
  ).name;
}
