/** Why a Parquet file or one of its columns can't be read: a sentence's end. */
export class ParquetFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ParquetFault'
  }
}
