// Every message that a dump may hold.

import { createRegistry, type Registry } from "@bufbuild/protobuf";
import { EmptySchema, StructSchema } from "@bufbuild/protobuf/wkt";
import { jsonRegistry } from "../../xds/any.ts";
import { RESOURCE_TYPES } from "../../xds/type-urls.ts";

export const configRegistry: Registry = createRegistry(
  jsonRegistry(),
  EmptySchema,
  StructSchema,
  ...Object.values(RESOURCE_TYPES).map(({ schema }) => schema),
);
