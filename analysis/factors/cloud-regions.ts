/** When somebody last looked at each row. Sources: the providers' lists of regions and the map of Electricity Maps. */
export const CLOUD_REGIONS_REVIEWED_AT = '2026-11-24'

/** Grid zone of Electricity Maps, and the regions of the providers that draw from it. */
const ZONES: Readonly<Record<string, string>> = {
  'US-MIDA-PJM':
    'aws:us-east-1 aws:us-east-2 azure:eastus azure:eastus2 azure:northcentralus gcp:us-east4 gcp:us-east5',
  'US-CAL-CISO': 'aws:us-west-1 azure:westus',
  'US-NW-BPAT': 'aws:us-west-2 gcp:us-west1',
  'US-MIDW-MISO': 'azure:centralus gcp:us-central1',
  'US-TEX-ERCO': 'azure:southcentralus gcp:us-south1',
  'US-CAR-SC': 'gcp:us-east1',
  'CA-QC': 'aws:ca-central-1 azure:canadaeast gcp:northamerica-northeast1',
  'CA-ON': 'azure:canadacentral gcp:northamerica-northeast2',
  IE: 'aws:eu-west-1 azure:northeurope',
  GB: 'aws:eu-west-2 azure:uksouth gcp:europe-west2',
  FR: 'aws:eu-west-3 azure:francecentral gcp:europe-west9',
  DE: 'aws:eu-central-1 azure:germanywestcentral gcp:europe-west3',
  CH: 'aws:eu-central-2 azure:switzerlandnorth gcp:europe-west6',
  'SE-SE3': 'aws:eu-north-1 azure:swedencentral',
  'NO-NO1': 'azure:norwayeast',
  FI: 'gcp:europe-north1',
  NL: 'azure:westeurope gcp:europe-west4',
  BE: 'gcp:europe-west1',
  'IT-NO': 'aws:eu-south-1 azure:italynorth gcp:europe-west8',
  ES: 'aws:eu-south-2 azure:spaincentral',
  PL: 'azure:polandcentral gcp:europe-central2',
  'IN-WE': 'aws:ap-south-1 azure:centralindia gcp:asia-south1',
  SG: 'aws:ap-southeast-1 azure:southeastasia gcp:asia-southeast1',
  'AU-NSW': 'aws:ap-southeast-2 azure:australiaeast',
  'JP-TK': 'aws:ap-northeast-1 azure:japaneast gcp:asia-northeast1',
  'JP-KN': 'aws:ap-northeast-3',
  KR: 'aws:ap-northeast-2 azure:koreacentral',
  HK: 'aws:ap-east-1',
  TW: 'gcp:asia-east1',
  'BR-CS': 'aws:sa-east-1 azure:brazilsouth',
  AE: 'aws:me-central-1',
  QA: 'gcp:me-central1',
  ZA: 'aws:af-south-1',
}

/** `provider:region` to its grid zone; null: not in the table, and no other place stands for it. */
export function cloudZone(region: string): { zone: string; reviewed_at: string } | null {
  const found = Object.entries(ZONES).find(([, regions]) => regions.split(' ').includes(region))
  return found === undefined ? null : { zone: found[0], reviewed_at: CLOUD_REGIONS_REVIEWED_AT }
}
