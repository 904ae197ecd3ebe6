import eslint from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import jsdoc from 'eslint-plugin-jsdoc';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The one-way ladder of the architecture: what each layer may import. */
const layers = {
  metrics: [],
  'blob-backend': [],
  'block-cache': ['blob-backend'],
  'fuse-fs': ['block-cache', 'blob-backend'],
  webdataset: [],
  'azure-infra': [],
  'cache-warmer': ['blob-backend'],
};

/** Packages that only the named layer may import: no Azure SDK above the backend, no metrics client in a library. */
const bannedEverywhereBut = {
  '@azure/*': ['blob-backend', 'azure-infra', 'cache-warmer'],
  'prom-client': ['metrics'],
  'fuse-native': ['fuse-fs'],
};

const depConstraints = [
  ...Object.entries(layers).map(([layer, below]) => ({
    sourceTag: `layer:${layer}`,
    onlyDependOnLibsWithTags: below.length > 0 ? below.map((name) => `layer:${name}`) : ['layer:none'],
    bannedExternalImports: Object.entries(bannedEverywhereBut)
      .filter(([, allowed]) => !allowed.includes(layer))
      .map(([pattern]) => pattern),
  })),
  { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:lib'], bannedExternalImports: ['@azure/*', 'prom-client', 'fuse-native'] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['type:lib'] },
];

export default defineConfig(
  { ignores: ['**/dist/**', '**/out-tsc/**', '**/node_modules/**', '.nx/**', '.warpforge/**', '**/*.d.ts'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['vitest.config.ts'] }, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@nx': nx, jsdoc },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { allow: [], depConstraints, checkDynamicDependenciesExceptions: ['.*'] }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'all' }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {
    // Public surface: every exported declaration of a library says what it means.
    files: ['packages/*/src/**/*.ts'],
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          require: { ClassDeclaration: true, FunctionDeclaration: true, MethodDefinition: false },
          contexts: ['TSInterfaceDeclaration', 'TSTypeAliasDeclaration'],
        },
      ],
    },
  },
  // The double of Azure and the planner must not share faults, so neither knows the other's code.
  ...['*.ts', '*/*.ts', '*/*/*.ts'].map((files, depth) => ({
    files: [`packages/azure-infra/src/testing/${files}`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: `^(\\.\\./){${depth + 1}}`, message: 'The double of Azure shares no code with the planner.' }] },
      ],
    },
  })),
  {
    files: ['packages/azure-infra/src/**/*.ts'],
    ignores: ['packages/azure-infra/src/testing/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '/testing/', message: 'The planner shares no code with the double of Azure.' }] },
      ],
    },
  },
  {
    files: ['**/test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
  {
    // An example prints what it shows, and imports its package by name as users do.
    files: ['**/examples/**/*.ts'],
    rules: { 'no-console': 'off', '@nx/enforce-module-boundaries': 'off' },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  prettier,
);
