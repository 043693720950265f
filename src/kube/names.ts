// What Kubernetes accepts as names, label keys and label values, with its own wording, so that a refusal reads the same on
// either server. Rules: k8s.io/apimachinery/pkg/util/validation.

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

const LABEL_RULE = new RegExp(`^${LABEL}$`);
const SUBDOMAIN_RULE = new RegExp(`^${SUBDOMAIN}$`);
const DNS_1035_RULE = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_RULE = new RegExp(`^${QUALIFIED}$`);
const LABEL_VALUE_RULE = new RegExp(`^(${QUALIFIED})?$`);
const CONFIG_KEY_RULE = /^[-._a-zA-Z0-9]+$/;

/** Each rule returns what is wrong, in Kubernetes' words; an empty list is a valid name. */
export type NameRule = (name: string) => readonly string[];

function longerThan(name: string, length: number): readonly string[] {
  return name.length > length ? [`must be no more than ${length} characters`] : [];
}

/** Names of most kinds. */
export const subdomainName: NameRule = (name) => [
  ...longerThan(name, 253),
  ...(SUBDOMAIN_RULE.test(name)
    ? []
    : [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end " +
          `with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`,
      ]),
];

/** Names of namespaces, and of ports. */
export const labelName: NameRule = (name) => [
  ...longerThan(name, 63),
  ...(LABEL_RULE.test(name)
    ? []
    : [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an " +
          `alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`,
      ]),
];

/** Names of Services, which are DNS names by themselves. */
export const dns1035Name: NameRule = (name) => [
  ...longerThan(name, 63),
  ...(DNS_1035_RULE.test(name)
    ? []
    : [
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end " +
          "with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ]),
];

/** Label and annotation keys, finalizers: an optional DNS prefix, a slash, a name. */
export const qualifiedName: NameRule = (key) => {
  const parts = key.split("/");
  if (parts.length > 2) {
    return [
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " +
        `character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}') with an optional ` +
        "DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ];
  }
  const name = parts.at(-1)!;
  const prefix = parts.length === 2 ? parts[0]! : undefined;
  const problems: string[] = [];
  if (prefix === "") problems.push("prefix part must be non-empty");
  else if (prefix !== undefined) problems.push(...subdomainName(prefix).map((problem) => `prefix part ${problem}`));
  if (name === "") problems.push("name part must be non-empty");
  else if (name.length > 63) problems.push("name part must be no more than 63 characters");
  else if (!QUALIFIED_RULE.test(name)) {
    problems.push(
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
        `(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`,
    );
  }
  return problems;
};

/** Values of labels; the empty one is valid. */
export const labelValue: NameRule = (value) => [
  ...longerThan(value, 63),
  ...(LABEL_VALUE_RULE.test(value)
    ? []
    : [
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with " +
          `an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${QUALIFIED})?')`,
      ]),
];

/** Keys of ConfigMap and Secret data. */
export const configKey: NameRule = (key) => [
  ...longerThan(key, 253),
  ...(CONFIG_KEY_RULE.test(key) && key !== "." && key !== ".." && !key.startsWith("..")
    ? []
    : [
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or " +
          "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ]),
];
