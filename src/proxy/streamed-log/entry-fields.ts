// Fields of an entry on the wire. Made of messages by protobuf-es an entry takes as long as its whole request does (37 µs), so what every
// entry has is written field by field. As proto3 has it, zero, "" and false are not there.

import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { SocketAddress } from "../../net/byte-stream.ts";
import { addressOf, portOf } from "../socket-label.ts";

const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000;
const US_PER_S = 1_000_000;
const NS_PER_US = 1_000;
const MAX_UINT32 = 0xffffffff;

/** google.protobuf.Timestamp and Duration. */
const SECONDS = 1;
const NANOS = 2;
/** Address, SocketAddress and Pipe (address.proto). */
const SOCKET_ADDRESS = 1;
const PIPE = 2;
const HOST = 2;
const PORT = 3;
const PATH = 1;
/** Of google.protobuf.UInt32Value. */
const WRAPPED = 1;
/** Of every entry of a map. */
const KEY = 1;
const VALUE = 2;

export function open(writer: BinaryWriter, field: number): void {
  writer.tag(field, WireType.LengthDelimited).fork();
}

export function putText(writer: BinaryWriter, field: number, value: string): void {
  if (value !== "") writer.tag(field, WireType.LengthDelimited).string(value);
}

/** A whole number from 0 to 2^53, of any type that is a varint and not signed by zigzag. */
export function putNumber(writer: BinaryWriter, field: number, value: number): void {
  if (value !== 0) putPresent(writer, field, value);
}

function putPresent(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint);
  if (value <= MAX_UINT32) writer.uint32(value);
  else writer.uint64(value);
}

/** A message that is encoded already. */
export function putMessage(writer: BinaryWriter, field: number, message: Uint8Array | undefined): void {
  if (message) writer.tag(field, WireType.LengthDelimited).bytes(message);
}

/** Google's wrapper of a number, which is there for 0 as well. */
export function putWrapped(writer: BinaryWriter, field: number, value: number): void {
  open(writer, field);
  putNumber(writer, WRAPPED, value);
  writer.join();
}

export function putDuration(writer: BinaryWriter, field: number, ms: number): void {
  const ns = Math.max(0, Math.round(ms * NS_PER_MS));
  putTime(writer, field, Math.floor(ns / NS_PER_S), ns % NS_PER_S);
}

/** Milliseconds since 1970, told to the microsecond: more than that a number does not hold. */
export function putTimestamp(writer: BinaryWriter, field: number, ms: number): void {
  const us = Math.round(ms * NS_PER_US);
  putTime(writer, field, Math.floor(us / US_PER_S), (us % US_PER_S) * NS_PER_US);
}

function putTime(writer: BinaryWriter, field: number, seconds: number, nanos: number): void {
  open(writer, field);
  putNumber(writer, SECONDS, seconds);
  putNumber(writer, NANOS, nanos);
  writer.join();
}

export function putAddress(writer: BinaryWriter, field: number, { address, port }: SocketAddress): void {
  open(writer, field);
  open(writer, SOCKET_ADDRESS);
  putText(writer, HOST, address);
  putPresent(writer, PORT, port);
  writer.join().join();
}

/** `127.0.0.1:80`, `[::1]:80`, or the path of a socket. */
export function putLabelled(writer: BinaryWriter, field: number, label: string): void {
  const port = portOf(label);
  if (port !== undefined) {
    putAddress(writer, field, { address: addressOf(label), port });
    return;
  }
  open(writer, field);
  open(writer, PIPE);
  putText(writer, PATH, label);
  writer.join().join();
}

/** One of a map of texts. */
export function putPair(writer: BinaryWriter, field: number, key: string, value: string): void {
  open(writer, field);
  putText(writer, KEY, key);
  putText(writer, VALUE, value);
  writer.join();
}

/** One of a map of messages. */
export function putKeyed(writer: BinaryWriter, field: number, key: string, message: Uint8Array): void {
  open(writer, field);
  putText(writer, KEY, key);
  putMessage(writer, VALUE, message);
  writer.join();
}
