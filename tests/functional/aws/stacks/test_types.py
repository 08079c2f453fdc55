"""Types and references that lean on other services: secrets, parameters, models, nested stacks."""

import json
from typing import Any

import pytest

from tests.functional.aws.stacks.kit import CAPABILITIES, Stacks, outputs, parameters

pytestmark = pytest.mark.slow

INNER = """
Parameters: {Word: {Type: String}}
Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "inner-${Word}"}}}
Outputs: {Arn: {Value: !GetAtt Q.Arn}}
"""
OUTER = """
Transform: AWS::LanguageExtensions
Parameters:
  Word: {Type: "AWS::SSM::Parameter::Value<String>", Default: /types/word}
  Inner: {Type: String}
Resources:
  Fn::ForEach::Queues:
    - Colour
    - [Red, Blue]
    - Q${Colour}: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "types-${Colour}"}}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        SecretStringTemplate: '{"user": "me"}'
        GenerateStringKey: password
        PasswordLength: 20
        ExcludePunctuation: true
  Copied:
    Type: AWS::SSM::Parameter
    Properties:
      Name: /types/copied
      Type: String
      Value: !Sub "{{resolve:secretsmanager:${Secret}:SecretString:password}}"
      Tags: {Team: water}
  Told:
    Type: AWS::SSM::Parameter
    Properties: {Name: /types/told, Type: String, Value: "{{resolve:ssm:/types/word}}-${x}"}
  Nested:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: !Ref Inner, Parameters: {Word: !Ref Word}}
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: types}}
  Pet:
    Type: AWS::ApiGateway::Model
    Properties:
      RestApiId: !Ref Api
      Name: Pet
      ContentType: application/json
      Schema: {type: object, required: [name]}
  Checked:
    Type: AWS::ApiGateway::RequestValidator
    Properties: {RestApiId: !Ref Api, Name: all, ValidateRequestBody: true}
  Post:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: POST
      AuthorizationType: NONE
      RequestValidatorId: !Ref Checked
      RequestModels: {application/json: !Ref Pet}
      Integration:
        Type: MOCK
        RequestTemplates: {application/json: '{"statusCode": 200}'}
        IntegrationResponses: [{StatusCode: "200"}]
  Live:
    Type: AWS::ApiGateway::Deployment
    DependsOn: Post
    Properties: {RestApiId: !Ref Api, StageName: dev}
Outputs:
  Inner: {Value: !GetAtt Nested.Outputs.Arn}
  Api: {Value: !Ref Api}
  Secret: {Value: !Ref Secret}
"""


def _values(stacks: Stacks) -> dict[str, Any]:
    names = ["/types/copied", "/types/told"]
    found = stacks.client("ssm").get_parameters(Names=names)["Parameters"]
    return {one["Name"]: one["Value"] for one in found}


def test_what_leans_on_other_services(stacks: Stacks) -> None:
    parameter_store, store = stacks.client("ssm"), stacks.client("s3")
    parameter_store.put_parameter(Name="/types/word", Value="deep", Type="String")
    store.create_bucket(Bucket="types-templates")
    store.put_object(Bucket="types-templates", Key="inner.yaml", Body=INNER.encode())
    stacks.formation.create_stack(
        StackName="types",
        TemplateBody=OUTER,
        Capabilities=CAPABILITIES,
        Parameters=parameters({"Inner": f"{stacks.platform.url}/types-templates/inner.yaml"}),
    )
    stack = stacks.settled("types")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.told("types")
    out = outputs(stack)
    assert out["Inner"].endswith(":inner-deep")
    queues = stacks.client("sqs").list_queues(QueueNamePrefix="types-")["QueueUrls"]
    assert sorted(url.rpartition("/")[2] for url in queues) == ["types-Blue", "types-Red"]
    secrets = stacks.client("secretsmanager")
    secret = json.loads(secrets.get_secret_value(SecretId=out["Secret"])["SecretString"])
    assert (secret["user"], len(secret["password"])) == ("me", 20)
    assert _values(stacks) == {"/types/copied": secret["password"], "/types/told": "deep-${x}"}
    tags = parameter_store.list_tags_for_resource(
        ResourceType="Parameter", ResourceId="/types/copied"
    )
    assert {"Key": "Team", "Value": "water"} in tags["TagList"]
    good = stacks.get(out["Api"], "/dev/", method="POST", json={"name": "Rex"})
    assert good.status_code == 200, good.text
    answer = stacks.get(out["Api"], "/dev/", method="POST", json={})
    assert answer.status_code == 400
    assert answer.json() == {"message": "Invalid request body"}
    stacks.delete(stack)
    assert "QueueUrls" not in stacks.client("sqs").list_queues(QueueNamePrefix="inner-")
    parameter_store.delete_parameter(Name="/types/word")
    stacks.client("s3").delete_object(Bucket="types-templates", Key="inner.yaml")
    store.delete_bucket(Bucket="types-templates")
