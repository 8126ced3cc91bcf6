// The vendors' JavaScript SDKs: tool loops as JSON and as a stream, then the smaller endpoints.
// node sdks.mjs CLIENTS openai|@anthropic-ai/sdk BASE_URL KEY MODEL PROMPT loops|all FIELDS
// `loops`: the tool loops only. FIELDS is JSON that every turn of them asks for as well.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import assert from 'node:assert/strict'

const [clients, sdk, baseURL, apiKey, model, prompt, parts, fields] = process.argv.slice(2)
const resolve = createRequire(`${clients}/package.json`).resolve
const { default: Client, ...errors } = await import(pathToFileURL(resolve(sdk)).href)

const parameters = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] }
const read = (path) => fs.readFileSync(path, 'utf8').trim()
const more = JSON.parse(fields)
const hi = [{ role: 'user', content: 'Hi' }]

async function collect(pages) {
  const all = []
  for await (const one of pages) all.push(one.id)
  return all
}

const overOpenAI = async () => {
  const client = new Client({ baseURL: `${baseURL}/v1`, apiKey, maxRetries: 0 })
  const tools = [{ type: 'function', function: { name: 'read_file', description: 'Read', parameters } }]
  for (const how of ['json', 'stream']) {
    const messages = [{ role: 'user', content: prompt }]
    for (;;) {
      const asked = { model, messages, tools, ...more }
      const got = how === 'json'
        ? await client.chat.completions.create(asked)
        : await client.chat.completions.stream({ ...asked, stream_options: { include_usage: true } }).finalChatCompletion()
      assert.equal(got.model, model)
      assert.ok(got.usage.total_tokens > 0)
      const { parsed, ...message } = got.choices[0].message
      messages.push(message)
      if (!message.tool_calls?.length) { console.log('loop', how, message.content); break }
      for (const call of message.tool_calls) {
        messages.push({ role: 'tool', tool_call_id: call.id, content: read(JSON.parse(call.function.arguments).path) })
      }
    }
  }
  if (parts === 'loops') return
  const embedded = await client.embeddings.create({ model, input: ['a', 'b'] })
  assert.deepEqual(embedded.data[0].embedding, [0.5, -0.25, 0.125])
  assert.equal((await client.completions.create({ model, prompt: 'def', suffix: 'end' })).choices[0].text, 'return a + b')
  assert.ok((await collect(client.models.list())).includes(model))
  assert.equal((await client.models.retrieve(model)).id, model)
  const stream = await client.chat.completions.create({ model, messages: hi, stream: true })
  for await (const _ of stream) { stream.controller.abort(); break }
  await assert.rejects(client.chat.completions.create({ model: 'nobody', messages: hi }), errors.NotFoundError)
}

const overAnthropic = async () => {
  const client = new Client({ baseURL, apiKey, maxRetries: 0 })
  const tools = [{ name: 'read_file', description: 'Read', input_schema: parameters }]
  for (const how of ['json', 'stream']) {
    const messages = [{ role: 'user', content: prompt }]
    for (;;) {
      const asked = { model, max_tokens: 64, messages, tools, ...more }
      const got = how === 'json' ? await client.messages.create(asked) : await client.messages.stream(asked).finalMessage()
      assert.equal(got.model, model)
      messages.push({ role: 'assistant', content: got.content })
      if (got.stop_reason !== 'tool_use') { console.log('loop', how, got.content.at(-1).text); break }
      const uses = got.content.filter((block) => block.type === 'tool_use')
      const results = uses.map((use) => ({ type: 'tool_result', tool_use_id: use.id, content: read(use.input.path) }))
      messages.push({ role: 'user', content: results })
    }
  }
  if (parts === 'loops') return
  assert.ok((await client.messages.countTokens({ model, messages: hi })).input_tokens > 0)
  assert.ok((await collect(client.models.list())).includes(model))
  await assert.rejects(client.messages.create({ model: 'nobody', max_tokens: 9, messages: hi }), errors.NotFoundError)
}

await (sdk === 'openai' ? overOpenAI : overAnthropic)()
console.log('done')
