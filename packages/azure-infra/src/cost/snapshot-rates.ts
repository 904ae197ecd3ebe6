/**
 * Approximate list prices in US dollars, pay as you go, without tax, collected in November 2026 from copies of answers of the Azure Retail
 * Prices API that others have published with their programs (price tables of two schedulers and of a set of cost policies). `asOf` is the
 * age of the copy as precisely as it is known. What no copy had is absent: a missing price is told, a wrong one is not.
 */

/** Prices of one region. */
export interface RegionRates {
  readonly vm: {
    readonly asOf: string;
    /** An hour of one core, by series. Azure prices the sizes of these series in proportion to their cores. */
    readonly perCore: Readonly<Record<string, number>>;
  };
  /** A month of a locally redundant disk, by price step. Undefined where no copy has the region. */
  readonly disks: { readonly asOf: string; readonly monthly: Readonly<Record<string, number>> } | undefined;
}

/** Sizes of each series: the cores that exist. */
export const SERIES_CORES: Readonly<Record<string, readonly number[]>> = {
  D_s_v5: [2, 4, 8, 16, 32, 48, 64, 96],
  D_ds_v5: [2, 4, 8, 16, 32, 48, 64, 96],
  E_s_v5: [2, 4, 8, 16, 20, 32, 48, 64, 96],
  L_s_v3: [8, 16, 32, 48, 64, 80],
  L_as_v3: [8, 16, 32, 48, 64, 80],
};

/** Standard SSD (E) costs the same in East US, East US 2, West US 3 and West Europe, whose lists were read. */
const STANDARD_SSD = { E4: 2.4, E6: 4.8, E10: 9.6, E15: 19.2, E20: 38.4, E30: 76.8 };
const PREMIUM_SSD = { P4: 4.8, P6: 9.28, P10: 17.92, P15: 34.56, P20: 66.56, P30: 122.88 };
const STANDARD_HDD = { S4: 1.536, S6: 3.008, S10: 5.888, S15: 11.328, S20: 21.76, S30: 40.96 };

/** By region. */
export const REGION_RATES: Readonly<Record<string, RegionRates>> = {
  canadacentral: {
    vm: { asOf: '2025', perCore: { D_s_v5: 0.0535, D_ds_v5: 0.063, E_s_v5: 0.069, L_s_v3: 0.096, L_as_v3: 0.086 } },
    disks: {
      asOf: '2025',
      monthly: {
        ...{ E4: 2.64, E6: 5.28, E10: 10.56, E15: 21.12, E20: 42.24, E30: 84.48 },
        ...{ P4: 5.28, P6: 10.208, P10: 19.712, P15: 38.016, P20: 73.216, P30: 135.17 },
        ...{ S4: 1.69, S6: 3.309, S10: 6.477, S15: 12.461, S20: 23.936, S30: 45.056 },
      },
    },
  },
  eastus: {
    vm: { asOf: '2025', perCore: { D_s_v5: 0.048, D_ds_v5: 0.0565, E_s_v5: 0.063, L_s_v3: 0.087, L_as_v3: 0.078 } },
    disks: {
      asOf: '2025',
      monthly: {
        ...STANDARD_SSD,
        ...{ P4: 5.2795, P6: 10.207, P10: 19.71, P15: 38.012, P20: 73.22, P30: 135.17 },
        ...STANDARD_HDD,
      },
    },
  },
  eastus2: {
    vm: { asOf: '2025', perCore: { D_s_v5: 0.048, D_ds_v5: 0.0565, E_s_v5: 0.063, L_s_v3: 0.08725, L_as_v3: 0.078 } },
    disks: { asOf: '2025', monthly: { ...STANDARD_SSD, ...PREMIUM_SSD, ...STANDARD_HDD } },
  },
  westus2: {
    vm: { asOf: '2025', perCore: { D_s_v5: 0.048, D_ds_v5: 0.0565, E_s_v5: 0.063, L_s_v3: 0.08725, L_as_v3: 0.078 } },
    disks: { asOf: '2025', monthly: { ...PREMIUM_SSD, ...STANDARD_HDD } },
  },
  westus3: {
    vm: { asOf: '2025', perCore: { D_s_v5: 0.048, D_ds_v5: 0.0565, E_s_v5: 0.063, L_s_v3: 0.08725, L_as_v3: 0.078 } },
    disks: { asOf: '2025', monthly: STANDARD_SSD },
  },
  westeurope: {
    vm: { asOf: '2023-12', perCore: { D_s_v5: 0.0575, D_ds_v5: 0.068, E_s_v5: 0.076, L_s_v3: 0.104, L_as_v3: 0.093 } },
    disks: { asOf: '2025', monthly: { ...STANDARD_SSD, P4: 5.8072, P6: 11.2272, P10: 21.68, P15: 41.811, P20: 80.54 } },
  },
  northeurope: {
    vm: { asOf: '2023-12', perCore: { D_s_v5: 0.0535, D_ds_v5: 0.063 } },
    disks: undefined,
  },
};

/** An hour of a static public IPv4 address of the Standard SKU: the same in all public regions. */
export const PUBLIC_IP_RATE = { asOf: '2026-09-16', hourly: 0.005 };
