"""An emulated AWS on this machine, to try a deployment without an account.

    python -m billet.emulators.aws --port 4566

It is moto's server in a process of its own, with all data in memory. moto lacks parts of AWS that a
deployment of Billet Tasks needs. These test doubles replace them:

1. **SAM.** aws-sam-translator expands a template with `Transform: AWS::Serverless-2016-10-31`, as
   CloudFormation's macro does (`stacks.py`).
2. **Changes of a stack.** moto applies a change set without an order, without roll-back and without
   events. `stacks.py` makes resources in the order of their references, records an event for each,
   and restores the previous template if one fails.
3. **Types of resources.** moto's CloudFormation does not know aliases, stages, alarms and others,
   and ignores the `Body` of an API. `resources.py` makes each of them through its own service.
   Those in `resources.RECORDED` are only remembered: nothing uses them.
4. **execute-api.** A request whose `Host` is `ID.execute-api.REGION.amazonaws.com` runs the
   deployed function and its authorizer (`execute_api.py`). It has API Gateway's responses, but no
   throttles, cache, access log, compression or web application firewall.
5. **Lambda.** moto runs functions in Docker. `functions.py` runs the deployed zip in a Python
   process, one request at a time. If the zip is for another Python or processor than this machine
   has, only the project's own code comes from the zip, and the libraries from this environment.
6. **Canary.** Nothing uses CodeDeploy: an alias moves to its new version at once.
7. **Permissions.** Nothing checks roles and policies. moto would evaluate the policy of a bucket
   without its conditions, so that a rule against connections without TLS would deny everything.
"""
