// node-postgres against the door: node_postgres.js PORT MODULES. Prints "ok" at the end.
const assert = require('assert')
const [port, modules] = process.argv.slice(2)
const { Client } = require(modules + '/pg')
const Cursor = require(modules + '/pg-cursor')

async function main() {
  const client = new Client({ host: '127.0.0.1', port: +port, user: 'alice', password: 'secret', database: 'shop' })
  const notices = []
  client.on('notice', (notice) => notices.push(notice.message))
  await client.connect()
  const simple = await client.query('select rows 3 noticed')
  assert.deepStrictEqual(simple.rows[0], { id: 1, name: 'name 1' })
  assert.strictEqual(simple.rows[2].name, null)
  assert.match(notices[0], /rows filtered/)
  for (let i = 0; i < 3; i++) {
    const named = await client.query({ name: 'n1', text: 'select rows 2 $1', values: [i] })
    assert.strictEqual(named.rows[1].name, 'name 2/' + i)
  }
  await assert.rejects(client.query('select missing'), { code: '42P01', position: '8' })
  await assert.rejects(client.query('insert into x values ($1)', [1]), { code: '25006' })
  const cursor = client.query(new Cursor('select rows 10', []))
  assert.strictEqual((await cursor.read(4)).length, 4)
  assert.strictEqual((await cursor.read(100)).length, 6)
  await cursor.close()
  await client.query('BEGIN')
  await client.query('select rows 1')
  await client.query('COMMIT')
  const both = await client.query('select rows 1; select rows 2')
  assert.deepStrictEqual(both.map((result) => result.rowCount), [1, 2])
  await client.end()
  console.log('ok')
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
