// What neither Istio nor Kiali has a code for and one object alone does not show: HED1320 to HED1349, HED1640.

import type { CodeInfo } from "../code-info.ts";

export const HEDDLE_CODES = {
  HED1320: {
    name: "MutualTlsDowngraded",
    level: "warning",
    about: "a DestinationRule sends plaintext where mutual TLS would be used",
  },
  HED1321: {
    name: "ServiceEntryForEverything",
    level: "warning",
    about: "a wildcard ServiceEntry that lets connections to anywhere through",
  },
  HED1322: {
    name: "UnknownSuppression",
    level: "info",
    about: "an object suppresses a code that does not exist",
  },
  HED1326: {
    name: "AnnotationWithoutEffect",
    level: "info",
    about: "an annotation of Istio's that comes to nothing here",
  },
  HED1327: {
    name: "ProxyConfigFieldWithoutEffect",
    level: "warning",
    about: "a field of the annotation proxy.istio.io/config that comes to nothing here",
  },
  HED1640: {
    name: "NamespaceNotRead",
    level: "warning",
    about: "a namespace is named that discoverySelectors of the mesh do not select: nothing in it is in the mesh",
  },
} as const satisfies Readonly<Record<string, CodeInfo>>;
