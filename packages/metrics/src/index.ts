export { HealthChecks, type CheckResult, type HealthCheck, type HealthReport } from './health.ts';
export { MetricRegistry, type Counter, type Histogram, type Labels, type MetricOptions, type Sample } from './registry.ts';
export { MetricsServer, MetricsServerError, type MetricsServerOptions } from './server.ts';
