import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/testing/arm/json.ts';
import { TemplateScope } from '../../src/testing/deployments/template-scope.ts';
import { evaluateDeep, evaluateString } from '../../src/testing/template/evaluate.ts';
import { printExpression, type Expression } from '../../src/testing/template/expression.ts';
import { parseExpression } from '../../src/testing/template/parser.ts';
import { TemplateError } from '../../src/testing/template/template-error.ts';
import { SUBSCRIPTION, TENANT } from './fake-requests.ts';

const facts = {
  subscriptionId: SUBSCRIPTION,
  tenantId: TENANT,
  resourceGroup: 'rg',
  deployment: () => ({ name: 'main' }),
  group: () => ({ id: '/subscriptions/s/resourceGroups/rg', location: 'eastus' }),
};

const scope = TemplateScope.of(facts, new Map<string, Json>([['size', 3]]), {
  prefix: "[concat('a', parameters('size'))]",
  loop: "[variables('pool')]",
  pool: "[variables('LOOP')]",
});

const evaluate = (text: string): Json => evaluateString(text, scope);

const identifier = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
const { expression } = fc.letrec<{ expression: Expression; selection: Expression; call: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'expression' },
    fc.string({ unit: 'binary' }).map((value): Expression => ({ kind: 'string', value })),
    fc.integer().map((value): Expression => ({ kind: 'integer', value })),
    tie('call'),
    tie('selection'),
  ),
  call: fc
    .tuple(identifier, fc.array(tie('expression'), { maxLength: 3, depthIdentifier: 'expression' }))
    .map(([name, args]): Expression => ({ kind: 'call', name, args })),
  selection: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'expression' },
    fc.tuple(tie('call'), identifier).map(([target, name]): Expression => ({ kind: 'property', target, name })),
    fc.tuple(tie('call'), tie('expression')).map(([target, index]): Expression => ({ kind: 'index', target, index })),
  ),
}));

describe('the parser of expressions', () => {
  it('reads back whatever is printed', () => {
    fc.assert(
      fc.property(expression, (tree) => {
        expect(parseExpression(`[${printExpression(tree)}]`)).toEqual(tree);
      }),
    );
  });

  it('gives a value or a TemplateError for any text', () => {
    const words = fc.constantFrom(
      'concat',
      'guid',
      'if',
      'json',
      'resourceId',
      "'a'",
      "'",
      '(',
      ')',
      '[',
      ']',
      ',',
      '.',
      '-1',
      '9'.repeat(20),
      ' ',
      'é',
      'padLeft',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 30 }).map((parts) => parts.join('')),
      expression.map(printExpression),
    );
    fc.assert(
      fc.property(text, (inner) => {
        try {
          evaluate(`[${inner}]`);
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["[concat('a'", 'its end is not expected'],
    ["[concat('a') 'b']", "the token at position '12' is not expected"],
    ["[concat('a]", "character ''' at position '7'"],
    ['[a.b]', "not expected, but '('"],
    [`[${'f('.repeat(500)}${')'.repeat(500)}]`, 'nested too deeply'],
    [`[f()${'.a'.repeat(500)}]`, 'nested too deeply'],
    [`['${'a'.repeat(25_000)}']`, "Limit: '24576'"],
    ['[99999999999999999999]', 'out of range'],
  ])('says what is wrong with %.30s', (text, message) => {
    expect(() => parseExpression(`${text}${text.endsWith(']') ? '' : ']'}`)).toThrow(message);
  });
});

describe('the functions of expressions', () => {
  it.each<[string, Json]>([
    ['no expression', 'no expression'],
    ['[[escaped]', '[escaped]'],
    ["['it''s']", "it's"],
    ["[concat('a', 1, true())]", 'a1True'],
    ["[concat(createArray(1), createArray(2, 'x'))]", [1, 2, 'x']],
    ["[format('{0}-{1}-{{0}}', 'a', 2)]", 'a-2-{0}'],
    ["[guid('a', 'b', 'c')]", 'a98fa280-e03f-5afa-8d8e-92d0a9c201e8'],
    ["[length(uniqueString('a'))]", 13],
    ["[equals(uniqueString('a', 'b'), uniqueString('a', 'c'))]", false],
    ["[toUpper(toLower('aB'))]", 'AB'],
    ["[substring('abcdef', 2, 3)]", 'cde'],
    ["[join(split('a,b;c', createArray(',', ';')), '-')]", 'a-b-c'],
    ["[replace('a.b.c', '.', '')]", 'abc'],
    ["[padLeft(7, 3, '0')]", '007'],
    ["[base64ToString(base64('é'))]", 'é'],
    ['[json(\'{"a": [1, 2]}\').a[1]]', 2],
    ["[string(createObject('a', 1))]", '{"a":1}'],
    ["[int('-12')]", -12],
    ["[if(equals(1, 1), 'yes', parameters('absent'))]", 'yes'],
    ['[and(true(), not(false()), or(false(), true()))]', true],
    ["[coalesce(null(), 'a')]", 'a'],
    [
      "[createArray(empty(''), empty(createArray()), empty(null()), contains('abc', 'b'), contains(createArray(1), 2))]",
      [true, true, true, true, false],
    ],
    ["[createArray(first('abc'), last(createArray(1, 2)), first(createArray()))]", ['a', 2, null]],
    ["[union(createObject('a', 1), createObject('b', 2))]", { a: 1, b: 2 }],
    ['[union(createArray(1, 2), createArray(2, 3))]', [1, 2, 3]],
    ['[intersection(createArray(1, 2), createArray(2, 3))]', [2]],
    ['[take(skip(range(0, 9), 2), 3)]', [2, 3, 4]],
    ['[createArray(add(1, 2), sub(1, 2), mul(3, 4), div(7, 2), mod(7, 2), min(3, 1), max(createArray(3, 1)))]', [3, -1, 12, 3, 1, 1, 3]],
    ["[createArray(less(1, 2), greater('b', 'a'), lessOrEquals(2, 2), greaterOrEquals(1, 2))]", [true, true, true, false]],
    ["[variables('prefix')]", 'a3'],
    ["[PARAMETERS('Size')]", 3],
    ['[resourceGroup().location]', 'eastus'],
    ['[deployment().name]', 'main'],
    ['[subscription().subscriptionId]', SUBSCRIPTION],
    ['[tenant().tenantId]', TENANT],
    [
      "[resourceId('Microsoft.Storage/storageAccounts/blobServices/containers', 'a', 'default', 'c')]",
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a/blobServices/default/containers/c`,
    ],
    [
      "[resourceId('other', 'Microsoft.Compute/disks', 'd')]",
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/other/providers/Microsoft.Compute/disks/d`,
    ],
    [
      `[resourceId('${TENANT}', 'other', 'Microsoft.Compute/disks', 'd')]`,
      `/subscriptions/${TENANT}/resourceGroups/other/providers/Microsoft.Compute/disks/d`,
    ],
    [
      "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')]",
      `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/r`,
    ],
    ["[subscriptionResourceId('Microsoft.Resources/resourceGroups', 'rg')]", `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`],
    [
      "[extensionResourceId('/subscriptions/s', 'Microsoft.Authorization/roleAssignments', 'r')]",
      '/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/r',
    ],
    ["[tenantResourceId('Microsoft.Authorization/roleDefinitions', 'r')]", '/providers/Microsoft.Authorization/roleDefinitions/r'],
  ])('%s', (text, value) => {
    expect(evaluate(text)).toEqual(value);
  });

  it.each([
    ["[nothing('a')]", "The template function 'nothing' is not valid"],
    ['[guid()]', "function 'guid': function requires 1 to any number argument(s) while 0 were provided"],
    ['[toLower(1)]', "argument 1 must be a string, and not 'Integer'"],
    ["[parameters('absent')]", "The template parameter 'absent' is not found"],
    ["[variables('absent')]", "The template variable 'absent' is not found"],
    ["[variables('loop')]", "refers to itself: 'loop -> pool -> loop'"],
    ["[createObject('a', 1).b]", "property 'b' doesn't exist, available properties are 'a'"],
    ['[createArray(1)[1]]', "array index '1' is out of bounds"],
    ["[format('{1}', 'a')]", 'argument {1}'],
    ["[substring('abc', 2, 5)]", 'within the string'],
    ["[json('{')]", 'not valid JSON'],
    ['[div(1, 0)]', 'the divisor is zero'],
    ["[resourceId('Microsoft.Storage/storageAccounts', 'a', 'b')]", "requires '1' resource name argument(s)"],
    ["[reference('vm')]", "The template function 'reference' is not expected at this location"],
  ])('%s is refused', (text, message) => {
    expect(() => evaluate(text)).toThrow(message);
  });

  it('are evaluated wherever they stand in a value, names of members included', () => {
    const value = { "[concat('a', 'b')]": ["[parameters('size')]", { c: '[[x]' }] };
    expect(evaluateDeep(value, scope)).toEqual({ value: { ab: [3, { c: '[x]' }] }, unresolved: false });
  });
});
