/** What is wrong with a template or with one of its expressions; becomes `InvalidTemplate` in the service's answer. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/**
 * An expression needs the state of a resource that is not known yet: `reference()` before the deployment runs. Not a fault of the template;
 * whoever evaluates ahead of the deployment leaves the expression as it stands.
 */
export class UnresolvedReference extends Error {
  override readonly name = 'UnresolvedReference';
}
