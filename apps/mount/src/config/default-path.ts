/** Where the configuration is when nothing else is said. */
export const DEFAULT_CONFIG_PATH = '/etc/warpdrive/config.yaml';
