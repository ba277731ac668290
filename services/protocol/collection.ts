/** A collection's schema on the wire: the shape. What the shape can't say is checked by `core/schema.ts`. */
import { Type } from "typebox";
import { FIELD_NAME_PATTERN, MERGE_KINDS, VALUE_TYPES } from "../core/schema.ts";

const ValueTypeName = Type.Enum([...VALUE_TYPES], {
  description: "Type of the values; any JSON value without it.",
});

const LwwFieldBody = Type.Object(
  { class: Type.Literal("lww"), type: Type.Optional(ValueTypeName) },
  { additionalProperties: false },
);

const MergeFieldBody = Type.Object(
  { class: Type.Literal("merge"), kind: Type.Enum([...MERGE_KINDS]), type: Type.Optional(ValueTypeName) },
  { additionalProperties: false },
);

export const CollectionSchemaBody = Type.Object(
  {
    fields: Type.Record(
      Type.String({ pattern: FIELD_NAME_PATTERN }),
      Type.Union([LwwFieldBody, MergeFieldBody]),
      {
        minProperties: 1,
        additionalProperties: false,
      },
    ),
  },
  { additionalProperties: false },
);
