/** Tag with the name of the environment; whatever lacks it is never deleted. */
export const ENVIRONMENT_TAG = 'warpforge-env';
/** Tag that says which program made a resource. */
export const MANAGED_BY_TAG = 'managed-by';
/** Value of {@link MANAGED_BY_TAG}. */
export const MANAGED_BY = 'warpforge';
/** Tag with the hash of what the service never returns. */
export const WRITE_ONLY_TAG = 'warpforge-write-only';
