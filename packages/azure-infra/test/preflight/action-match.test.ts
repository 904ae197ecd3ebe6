import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGranted, matchesAction } from '../../src/preflight/action-match.ts';

const ASSIGN = 'Microsoft.Authorization/roleAssignments/write';
/** Contributor: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged#contributor */
const CONTRIBUTOR = {
  actions: ['*'],
  notActions: ['Microsoft.Authorization/*/Delete', 'Microsoft.Authorization/*/Write', 'Microsoft.Authorization/elevateAccess/Action'],
};
const USER_ACCESS_ADMINISTRATOR = { actions: ['*/read', 'Microsoft.Authorization/*', 'Microsoft.Support/*'], notActions: [] };
const READER = { actions: ['*/read'], notActions: [] };

describe('isGranted', () => {
  it('knows what the built-in roles allow', () => {
    expect(isGranted([CONTRIBUTOR], 'Microsoft.Resources/deployments/write')).toBe(true);
    expect(isGranted([CONTRIBUTOR], ASSIGN)).toBe(false);
    expect(isGranted([USER_ACCESS_ADMINISTRATOR], ASSIGN)).toBe(true);
    expect(isGranted([READER], 'Microsoft.Resources/deployments/write')).toBe(false);
    expect(isGranted([], ASSIGN)).toBe(false);
  });

  it('lets one role give what another excludes', () => {
    expect(isGranted([CONTRIBUTOR, USER_ACCESS_ADMINISTRATOR], ASSIGN)).toBe(true);
    expect(isGranted([{ actions: [ASSIGN], notActions: ['*'] }, READER], ASSIGN)).toBe(false);
  });
});

describe('matchesAction', () => {
  it.each(['a*a', 'a*b*b', '*ab*ab*'])('does not use a character for two parts of %s', (pattern) => {
    expect(matchesAction(pattern, pattern.replaceAll('*', ''))).toBe(true);
    expect(matchesAction(pattern, [...new Set(pattern.replaceAll('*', ''))].join(''))).toBe(false);
  });

  const letters = fc.constantFrom('a', 'b', 'A', '/', '.', '(', '\\');
  const text = fc.string({ unit: letters, maxLength: 12 });
  const pattern = fc.string({ unit: fc.oneof(letters, fc.constant('*')), maxLength: 8 });

  it('is what a regular expression with .* in place of * says', () => {
    const model = (wildcards: string, action: string) =>
      new RegExp(
        `^${wildcards
          .split('*')
          .map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
          .join('[^]*')}$`,
        'i',
      ).test(action);
    fc.assert(
      fc.property(pattern, text, (wildcards, action) => {
        expect(matchesAction(wildcards, action)).toBe(model(wildcards, action));
      }),
      { numRuns: 2000 },
    );
  });

  it('matches whatever its wildcards are filled with', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), fc.array(text, { minLength: 3, maxLength: 3 }), (parts, fillings) => {
        const filled = parts.slice(1).reduce((sum, part, index) => `${sum}${fillings[index]!}${part}`, parts[0]!);
        expect(matchesAction(parts.join('*'), filled.toUpperCase())).toBe(true);
      }),
    );
  });
});
