/** `forebay/client`: what apps import. */
export type { ManyWrite, Written } from "./batch/bulk.ts";
export { createClient, ForebayClient, type ClientOptions, type TransactionOptions } from "./client.ts";
export type {
  ChangeOptions,
  CollectionClient,
  Consistency,
  ListOptions,
  ReadOptions,
  RemoveOptions,
  WriteOptions,
} from "./collection-client.ts";
export {
  defineCollection,
  type Collection,
  type CollectionOptions,
  type TransactionPart,
} from "./define/collection.ts";
export {
  authoritative,
  counter,
  escrow,
  lww,
  map,
  max,
  min,
  register,
  set,
  type Field,
} from "./define/fields.ts";
export type {
  Condition,
  Fence,
  Fields,
  FieldValues,
  Operators,
  RecordOf,
  TransactionWrite,
  Write,
} from "./define/types.ts";
export {
  ForebayError,
  isForebayError,
  LeaseLostError,
  OutcomeUnknownError,
  type ForebayErrorCode,
  type Problem,
} from "./errors.ts";
export type { Lease, LeaseOptions } from "./lease.ts";
export type { Platform, Socket, SocketConstructor } from "./platform.ts";
export type { Position, Receipt, ReceiptStatus, Result } from "./receipt.ts";
export type { CallOptions } from "./request/sender.ts";
export type { Session } from "./session/session.ts";
export type { Batch, RecordChange, SubscribeOptions } from "./subscribe/subscription.ts";
