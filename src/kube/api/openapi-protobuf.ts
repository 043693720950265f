// OpenAPI v2 in protobuf, the only form in which kubectl asks for it (gnostic's openapi.v2.Document). The messages are written
// by hand from their field numbers: OpenAPIv2.proto generates 10,000 lines, of which this is all that is needed.
// https://github.com/google/gnostic-models/blob/main/openapiv2/OpenAPIv2.proto

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { isJsonArray, isJsonObject, type Json, type JsonObject } from "../json.ts";

type Write = (writer: BinaryWriter) => void;

function message(writer: BinaryWriter, field: number, write: Write): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: Json | undefined): void {
  if (typeof value === "string" && value !== "") writer.tag(field, WireType.LengthDelimited).string(value);
}

function number(writer: BinaryWriter, field: number, value: Json | undefined): void {
  if (typeof value === "number") writer.tag(field, WireType.Bit64).double(value);
}

function count(writer: BinaryWriter, field: number, value: Json | undefined): void {
  if (typeof value === "number") writer.tag(field, WireType.Varint).int64(value);
}

function entries(value: Json | undefined): readonly (readonly [string, Json])[] {
  return isJsonObject(value) ? Object.entries(value) : [];
}

function items(value: Json | undefined): readonly Json[] {
  return isJsonArray(value) ? value : [];
}

/** Any: a value as YAML text (field 2), which JSON is. */
function any(writer: BinaryWriter, field: number, value: Json): void {
  message(writer, field, (inner) => text(inner, 2, JSON.stringify(value)));
}

/** NamedAny for each `x-…` field. */
function extensions(writer: BinaryWriter, field: number, source: JsonObject): void {
  for (const [name, value] of entries(source).filter(([key]) => key.startsWith("x-"))) {
    message(writer, field, (named) => {
      text(named, 1, name);
      any(named, 2, value);
    });
  }
}

/** NamedSchema for each entry. */
function namedSchemas(writer: BinaryWriter, field: number, schemas: Json | undefined): void {
  for (const [name, schema] of entries(schemas)) {
    message(writer, field, (named) => {
      text(named, 1, name);
      message(named, 2, (inner) => writeSchema(inner, schema as JsonObject));
    });
  }
}

function writeSchema(writer: BinaryWriter, schema: Readonly<Record<string, Json | undefined>>): void {
  text(writer, 1, schema.$ref);
  text(writer, 2, schema.format);
  text(writer, 4, schema.description);
  if (schema.default !== undefined) any(writer, 5, schema.default);
  number(writer, 7, schema.maximum);
  number(writer, 9, schema.minimum);
  count(writer, 11, schema.maxLength);
  count(writer, 12, schema.minLength);
  text(writer, 13, schema.pattern);
  count(writer, 14, schema.maxItems);
  count(writer, 15, schema.minItems);
  for (const name of items(schema.required)) text(writer, 19, name);
  for (const value of items(schema.enum)) any(writer, 20, value);
  const { additionalProperties, type, items: element, properties } = schema;
  if (isJsonObject(additionalProperties)) {
    message(writer, 21, (item) => message(item, 1, (inner) => writeSchema(inner, additionalProperties)));
  }
  if (typeof type === "string") message(writer, 22, (item) => text(item, 1, type));
  if (isJsonObject(element)) message(writer, 23, (item) => message(item, 1, (inner) => writeSchema(inner, element)));
  if (isJsonObject(properties)) message(writer, 25, (inner) => namedSchemas(inner, 1, properties));
  extensions(writer, 31, schema as JsonObject);
}

/** ParametersItem › Parameter › NonBodyParameter › QueryParameterSubSchema. */
function writeParameter(writer: BinaryWriter, parameter: JsonObject): void {
  message(writer, 1, (outer) =>
    message(outer, 2, (nonBody) =>
      message(nonBody, 3, (query) => {
        text(query, 2, parameter.in);
        text(query, 3, parameter.description);
        text(query, 4, parameter.name);
        text(query, 6, parameter.type);
      }),
    ),
  );
}

function writeOperation(writer: BinaryWriter, operation: JsonObject): void {
  text(writer, 5, operation.operationId);
  for (const parameter of items(operation.parameters)) {
    message(writer, 8, (inner) => writeParameter(inner, parameter as JsonObject));
  }
  message(writer, 9, (responses) => {
    for (const [code, response] of entries(operation.responses)) {
      message(responses, 1, (named) => {
        text(named, 1, code);
        message(named, 2, (value) =>
          message(value, 1, (inner) => text(inner, 1, (response as JsonObject).description)),
        );
      });
    }
  });
  extensions(writer, 13, operation);
}

const METHOD_FIELDS: Readonly<Record<string, number>> = { get: 2, put: 3, post: 4, delete: 5, patch: 8 };

/** The bytes of a document made by openApiV2. */
export function encodeOpenApiV2(document: JsonObject): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  const info = document.info as JsonObject;
  text(writer, 1, document.swagger);
  message(writer, 2, (inner) => {
    text(inner, 1, info.title);
    text(inner, 2, info.version);
  });
  message(writer, 8, (paths) => {
    for (const [path, item] of entries(document.paths)) {
      message(paths, 2, (named) => {
        text(named, 1, path);
        message(named, 2, (inner) => {
          for (const [method, operation] of entries(item)) {
            message(inner, METHOD_FIELDS[method]!, (out) => writeOperation(out, operation as JsonObject));
          }
        });
      });
    }
  });
  message(writer, 9, (definitions) => namedSchemas(definitions, 1, document.definitions));
  return writer.finish();
}
