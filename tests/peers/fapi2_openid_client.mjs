// A FAPI 2.0 client made of npm's openid-client: prints where to send the person, reads where they came back, prints what it got.
import { createInterface } from 'node:readline'
import * as client from 'openid-client'

const asked = JSON.parse(process.env.ASKED)
const key = await crypto.subtle.importKey('jwk', asked.private_jwk, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
const proving = client.PrivateKeyJwt({ key, kid: asked.private_jwk.kid })
const config = await client.discovery(new URL(asked.issuer), asked.client_id, {}, proving, { execute: [client.allowInsecureRequests] })
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const parameters = {
  redirect_uri: asked.redirect_uri,
  scope: 'openid email offline_access',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce,
}
const signed = asked.signed ? await client.buildAuthorizationUrlWithJAR(config, parameters, { key, kid: asked.private_jwk.kid }) : undefined
const url = await client.buildAuthorizationUrlWithPAR(config, signed ? signed.searchParams : parameters, { DPoP })
console.log(JSON.stringify({ url: url.href }))

const lines = createInterface({ input: process.stdin })
const back = (await lines[Symbol.asyncIterator]().next()).value
lines.close()
const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
const tokens = await client.authorizationCodeGrant(config, new URL(back), checks, undefined, { DPoP })
const about = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP })
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
const before = await client.tokenIntrospection(config, refreshed.access_token)
await client.tokenRevocation(config, tokens.refresh_token)
const after = await client.tokenIntrospection(config, refreshed.access_token)
console.log(JSON.stringify({ token_type: tokens.token_type, kept: refreshed.refresh_token === tokens.refresh_token, about, before, after }))
